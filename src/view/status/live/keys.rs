//! What a key does in the live view.

use super::app::{GroupKey, Key, LiveApp, Page, Request, Sort};
use crate::model::Status;

/// Where to move in a table or a text.
#[derive(Clone, Copy)]
enum Move {
    By(isize),
    Start,
    End,
}

impl LiveApp {
    /// Handles a key. Returns what the driver has to do.
    pub fn key(&mut self, key: Key) -> Option<Request> {
        match key {
            Key::Interrupt => return Some(Request::Quit),
            Key::Suspend => return Some(Request::Suspend),
            _ => {}
        }
        match self.page.clone() {
            Page::Table => self.table_key(key),
            Page::Filter { before } => {
                self.filter_key(key, before);
                None
            }
            Page::Choose { group, at } => self.choose_key(key, group, at),
            Page::Confirm(_) => {
                let yes = match key {
                    Key::Char('y' | 'Y') => true,
                    Key::Char('n' | 'N' | 'q') | Key::Escape | Key::Enter => false,
                    _ => {
                        self.scroll_text(key);
                        return None;
                    }
                };
                self.show(if yes {
                    Page::Running("Carrying out the order…".to_owned())
                } else {
                    Page::Table
                });
                Some(Request::Answer(yes))
            }
            Page::Running(_) => None,
            Page::Help | Page::Details(_) | Page::History { .. } | Page::Outcome(_) => {
                self.text_key(key)
            }
        }
    }

    fn table_key(&mut self, key: Key) -> Option<Request> {
        if let Some(step) = self.step(key) {
            self.move_selection(step);
            return None;
        }
        match key {
            Key::Char('q') => return Some(Request::Quit),
            Key::Char('/') => {
                let before = self.filter.clone();
                self.show(Page::Filter { before });
            }
            Key::Char('s') => {
                self.sort = match self.sort {
                    Sort::Worst => Sort::Name,
                    Sort::Name => Sort::Worst,
                };
            }
            Key::Char('?') => self.show(Page::Help),
            Key::Escape => self.filter.clear(),
            _ => return self.group_key(key, self.selected_group()?),
        }
        None
    }

    /// Handles a key on a group.
    fn group_key(&mut self, key: Key, group: GroupKey) -> Option<Request> {
        match key {
            Key::Enter => {
                self.show(Page::Details(group));
                None
            }
            Key::Char('h') => {
                self.show(Page::History {
                    group: group.clone(),
                    text: None,
                });
                Some(Request::History(group))
            }
            Key::Char('f') => {
                let at = self.status(&group).map_or(0, suggested);
                self.show(Page::Choose { group, at });
                None
            }
            Key::Char('b') => {
                self.show(Page::Running("Reading the group…".to_owned()));
                Some(Request::Failback(group))
            }
            _ => None,
        }
    }

    fn filter_key(&mut self, key: Key, before: String) {
        match key {
            Key::Enter => self.show(Page::Table),
            Key::Escape => {
                self.filter = before;
                self.show(Page::Table);
            }
            Key::Backspace => {
                self.filter.pop();
            }
            Key::Char(letter) => self.filter.push(letter),
            _ => {
                if let Some(step) = self.step(key) {
                    self.move_selection(step);
                }
            }
        }
    }

    fn choose_key(&mut self, key: Key, group: GroupKey, at: usize) -> Option<Request> {
        let status = self.status(&group);
        let names = status.map_or_else(Vec::new, |status| status.backend_names());
        let last = names.len().saturating_sub(1);
        match key {
            Key::Escape | Key::Char('q' | 'n') => self.show(Page::Table),
            Key::Enter => {
                let to = (*names.get(at)?).to_owned();
                self.show(Page::Running("Reading the group…".to_owned()));
                return Some(Request::Force { group, to });
            }
            _ => {
                let at = match self.step(key)? {
                    Move::By(by) => at.saturating_add_signed(by.signum()).min(last),
                    Move::Start => 0,
                    Move::End => last,
                };
                self.page = Page::Choose { group, at };
            }
        }
        None
    }

    /// Handles a key on a page of text.
    fn text_key(&mut self, key: Key) -> Option<Request> {
        match (key, &self.page) {
            (Key::Char('q'), _) => return Some(Request::Quit),
            (Key::Escape | Key::Backspace, _)
            | (Key::Enter, Page::Outcome(_) | Page::Help | Page::Details(_))
            | (Key::Char('?'), Page::Help) => self.show(Page::Table),
            (Key::Enter, Page::History { group, .. }) => {
                let group = group.clone();
                self.show(Page::Details(group));
            }
            (Key::Char('h' | 'f' | 'b'), Page::Details(group) | Page::History { group, .. }) => {
                let group = group.clone();
                return self.group_key(key, group);
            }
            _ => self.scroll_text(key),
        }
        None
    }

    fn scroll_text(&mut self, key: Key) {
        match self.step(key) {
            Some(Move::By(by)) => self.scroll = self.scroll.saturating_add_signed(by),
            Some(Move::Start) => self.scroll = 0,
            // Drawing limits it to the last page.
            Some(Move::End) => self.scroll = usize::MAX,
            None => {}
        }
    }

    fn step(&self, key: Key) -> Option<Move> {
        let page = isize::try_from(self.page_size.max(1)).unwrap_or(1);
        Some(match key {
            Key::Up | Key::Char('k') => Move::By(-1),
            Key::Down | Key::Char('j') => Move::By(1),
            Key::PageUp => Move::By(-page),
            Key::PageDown | Key::Char(' ') => Move::By(page),
            Key::Home | Key::Char('g') => Move::Start,
            Key::End | Key::Char('G') => Move::End,
            _ => return None,
        })
    }

    fn move_selection(&mut self, step: Move) {
        let rows = self.rows();
        let last = rows.len().saturating_sub(1);
        let at = self.selected_index(&rows);
        let to = match step {
            Move::By(by) => at.saturating_add_signed(by).min(last),
            Move::Start => 0,
            Move::End => last,
        };
        let selected = rows.get(to).map(|(cluster, status)| GroupKey {
            cluster: *cluster,
            id: status.id.clone(),
        });
        // Nobody has chosen a group: the worst one stays on top.
        self.selected = selected.filter(|_| !matches!(step, Move::Start));
    }
}

/// The backend that a force probably means: a ready one without traffic.
fn suggested(status: &Status) -> usize {
    let backends = &status.backends;
    let idle = |ready: bool| {
        backends
            .iter()
            .position(|backend| backend.weight == 0 && backend.readiness.is_ready() == ready)
    };
    idle(true).or_else(|| idle(false)).unwrap_or(0)
}
