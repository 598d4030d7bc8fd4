//! Tests of the live view: what it shows at several sizes, and what keys do.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

use super::app::{GroupKey, Key, Link, LiveApp, LiveCluster, Page, Request};
use crate::model::{
    AvoidEffect, AvoidEntry, AvoidStatus, BackendStatus, Flags, GroupId, Readiness, Runner, State,
    Status, StatusChange, WeightsOrigin,
};
use crate::text::ConnectionFlags;
use crate::view::status::table::TableStyle;

fn group(name: &str) -> Status {
    let backend = |name: String, weight, ready| BackendStatus {
        weight_on_object: weight,
        name,
        weight,
        readiness: Readiness::Known { ready, total: 1 },
        since: None,
        ailment: None,
    };
    Status {
        forgotten_home: None,
        due: None,
        wait: None,
        since: None,
        warnings: Vec::new(),
        id: GroupId {
            namespace: "emojivoto".to_owned(),
            kind: "trafficsplit",
            name: name.to_owned(),
        },
        apex: "web-svc".to_owned(),
        state: State::Failover,
        flags: Flags::default(),
        reason: "web-svc has no ready endpoints\u{1b}[2J (0 of 1)".to_owned(),
        mend: None,
        bad_settings: Vec::new(),
        primary: Some("web-svc".to_owned()),
        backends: vec![
            backend("web-svc".to_owned(), 0, 0),
            backend(format!("{name}-東京"), 1, 1),
        ],
        order: None,
        avoid: Vec::new(),
        last_return: None,
        paused: None,
        changed: WeightsOrigin::Created(None),
        runner: Runner::Unattended,
    }
}

fn groups(count: usize) -> Vec<Status> {
    let names = (0..count).map(|number| format!("group-{number:03}"));
    names.map(|name| group(&name)).collect()
}

fn cluster(context: &str, statuses: Vec<Status>) -> LiveCluster {
    LiveCluster {
        context: context.to_owned(),
        place: "namespace emojivoto".to_owned(),
        connection: ConnectionFlags::new(&[format!("--context {context}")], &[], None),
        scope: format!("--context {context} -n emojivoto"),
        statuses,
        absent: Vec::new(),
        link: Link::Live,
        silent: Duration::ZERO,
        now: Timestamp::UNIX_EPOCH,
    }
}

fn app(statuses: Vec<Status>) -> LiveApp {
    let style = TableStyle {
        colour: true,
        ..TableStyle::default()
    };
    LiveApp::new(vec![cluster("west", statuses)], style)
}

fn buffer(app: &mut LiveApp, columns: u16, rows: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    app.draw(&mut buffer);
    buffer
}

/// The lines that are drawn, without spaces at their ends.
fn lines(app: &mut LiveApp, columns: u16, rows: u16) -> Vec<String> {
    let buffer = buffer(app, columns, rows);
    let line = |y| {
        let mut line = String::new();
        let mut x = 0;
        while x < columns {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(symbol.width().max(1)).unwrap();
        }
        line.trim_end().to_owned()
    };
    (0..rows).map(line).collect()
}

fn text(app: &mut LiveApp, columns: u16, rows: u16) -> String {
    lines(app, columns, rows).join("\n")
}

/// Types a word, or one key by its name.
fn keys(app: &mut LiveApp, keys: &[Key]) -> Option<Request> {
    keys.iter().filter_map(|key| app.key(*key)).last()
}

fn letters(word: &str) -> Vec<Key> {
    word.chars().map(Key::Char).collect()
}

fn key_of(name: &str) -> GroupKey {
    GroupKey {
        cluster: 0,
        id: group(name).id,
    }
}

/// The row that is drawn in reverse.
fn selected(app: &mut LiveApp, columns: u16, rows: u16) -> String {
    let drawn = lines(app, columns, rows);
    let buffer = buffer(app, columns, rows);
    let is_selected = |y: &u16| buffer[(0, *y)].modifier.contains(Modifier::REVERSED);
    let y = (0..rows).find(is_selected).unwrap();
    drawn[usize::from(y)].clone()
}

#[test]
fn every_size_is_drawn_without_control_characters() {
    for (columns, rows) in [
        (1, 1),
        (5, 2),
        (20, 1),
        (40, 10),
        (80, 24),
        (200, 50),
        (30, 3),
    ] {
        for count in [0, 1, 2, 40] {
            let mut app = app(groups(count));
            app.change(0, &StatusChange::Appeared(group("web\u{1b}[2J")));
            app.clusters[0].link = Link::Lost("connection refused\u{7}".to_owned());
            for page in ["", "?", "\n", "f", "/x"] {
                let typed = page.chars().map(|letter| match letter {
                    '\n' => Key::Enter,
                    letter => Key::Char(letter),
                });
                keys(&mut app, &typed.collect::<Vec<_>>());
                let drawn = text(&mut app, columns, rows);
                assert!(
                    !drawn.contains('\u{1b}') && !drawn.contains('\u{7}'),
                    "{drawn}"
                );
                keys(&mut app, &[Key::Escape, Key::Escape]);
            }
        }
    }
}

#[test]
fn the_head_says_where_the_groups_are_and_the_rest_is_counted() {
    let mut app = app(groups(40));
    app.clusters[0].place = "all namespaces".to_owned();
    let drawn = lines(&mut app, 100, 24);
    assert_eq!(
        drawn[0],
        "00:00:00Z  40 groups in all namespaces (context west)"
    );
    assert_eq!(drawn[1], "40 Failover");
    let more = drawn.iter().find(|line| line.starts_with('…')).unwrap();
    assert!(
        more.contains("more groups (enlarge the window, scroll, or filter with /)"),
        "{more}"
    );
    assert!(
        drawn.last().unwrap().starts_with("? help  q quit"),
        "{drawn:#?}"
    );
}

#[test]
fn the_worst_groups_come_first_unless_sorted_by_name() {
    let mut statuses = groups(40);
    statuses[39].state = State::Invalid;
    statuses[0].state = State::Primary;
    let mut app = app(statuses);
    assert!(selected(&mut app, 100, 10).starts_with("group-039 "));
    keys(&mut app, &letters("s"));
    assert!(selected(&mut app, 100, 10).starts_with("group-000 "));
}

#[test]
fn the_selected_group_is_always_visible() {
    for (columns, rows) in [(40, 10), (80, 24), (200, 50)] {
        let mut app = app(groups(60));
        for number in 1..60 {
            keys(&mut app, &[Key::Down]);
            let name = format!("group-{number:03}");
            let (start, _) = name.split_at(name.len().min(5));
            assert!(selected(&mut app, columns, rows).starts_with(start));
            assert_eq!(app.selected_group(), Some(key_of(&name)));
        }
        keys(&mut app, &[Key::Home]);
        assert_eq!(app.selected_group(), Some(key_of("group-000")));
        keys(&mut app, &[Key::PageDown]);
        selected(&mut app, columns, rows);
        keys(&mut app, &[Key::End, Key::PageUp]);
        selected(&mut app, columns, rows);
        keys(&mut app, &[Key::End]);
        selected(&mut app, columns, rows);
        assert_eq!(app.selected_group(), Some(key_of("group-059")));
    }
}

#[test]
fn the_selection_follows_its_group_when_the_order_changes() {
    let mut app = app(groups(3));
    keys(&mut app, &[Key::Down]);
    app.clusters[0].statuses[2].state = State::Invalid;
    assert_eq!(app.selected_group(), Some(key_of("group-001")));
    keys(&mut app, &[Key::Home]);
    assert_eq!(app.selected_group(), Some(key_of("group-002")));
    app.clusters[0].statuses[1].state = State::Invalid;
    assert_eq!(
        app.selected_group(),
        Some(key_of("group-001")),
        "the worst one stays on top"
    );
}

#[test]
fn a_filter_narrows_the_groups_down() {
    let mut app = app(groups(40));
    keys(&mut app, &letters("/GROUP-02"));
    assert!(text(&mut app, 100, 24).contains("10 of 40 groups"));
    assert!(text(&mut app, 100, 24).contains("/GROUP-02▏"));
    keys(
        &mut app,
        &[Key::Backspace, Key::Char('1'), Key::Char('7'), Key::Enter],
    );
    assert_eq!(app.selected_group(), Some(key_of("group-017")));
    keys(&mut app, &letters("/x"));
    assert!(text(&mut app, 100, 24).contains("No group matches the filter"));
    keys(&mut app, &[Key::Escape]);
    assert!(
        text(&mut app, 100, 24).contains("1 of 40 groups"),
        "as it was before"
    );
    keys(&mut app, &[Key::Escape]);
    assert!(text(&mut app, 100, 24).contains("40 groups"));
}

#[test]
fn details_show_the_reason_and_what_to_do() {
    let mut app = app(groups(2));
    keys(&mut app, &[Key::Down, Key::Enter]);
    let drawn = text(&mut app, 100, 24);
    for part in [
        "group-001",
        "(w1)",
        "has no ready endpoints [2J (0 of 1)",
        "next: kubectl",
    ] {
        assert!(drawn.contains(part), "{part}: {drawn}");
    }
    keys(&mut app, &[Key::Escape]);
    assert_eq!(app.page, Page::Table);
}

#[test]
fn a_history_is_shown_when_it_has_been_read() {
    let mut app = app(groups(2));
    let request = keys(&mut app, &letters("h"));
    assert_eq!(request, Some(Request::History(key_of("group-000"))));
    assert!(text(&mut app, 80, 24).contains("Reading…"));
    app.ended(&key_of("group-001"), "another".to_owned());
    assert!(text(&mut app, 80, 24).contains("Reading…"));
    app.ended(&key_of("group-000"), "No failovers recorded.".to_owned());
    assert!(text(&mut app, 80, 24).contains("No failovers recorded."));
    keys(&mut app, &[Key::Escape]);
    app.ended(&key_of("group-000"), "late".to_owned());
    assert_eq!(app.page, Page::Table);
}

#[test]
fn a_force_needs_a_backend_and_a_yes() {
    let mut app = app(groups(1));
    keys(&mut app, &letters("f"));
    assert!(text(&mut app, 80, 24).contains("Force group-000 to which backend?"));
    assert!(
        selected(&mut app, 80, 24).contains("web-svc"),
        "it has no traffic"
    );
    assert_eq!(keys(&mut app, &[Key::Escape]), None);
    let request = keys(&mut app, &[Key::Char('f'), Key::Down, Key::Enter]);
    let to = "group-000-東京".to_owned();
    let group = key_of("group-000");
    assert_eq!(
        request,
        Some(Request::Force {
            group: group.clone(),
            to
        })
    );
    app.ask("web-svc → web-svc-east\nContinue? [y/N] ".to_owned());
    assert!(text(&mut app, 80, 24).contains("Continue? [y/N]"));
    for no in [Key::Enter, Key::Escape, Key::Char('n')] {
        app.ask("Continue?".to_owned());
        assert_eq!(app.key(no), Some(Request::Answer(false)));
        assert_eq!(app.page, Page::Table);
    }
    app.ask("Continue?".to_owned());
    assert_eq!(app.key(Key::Char('y')), Some(Request::Answer(true)));
    assert_eq!(
        keys(&mut app, &letters("qfb")),
        None,
        "the order is being carried out"
    );
    app.ended(&group, "refused: not ready".to_owned());
    assert!(text(&mut app, 80, 24).contains("refused: not ready"));
}

#[test]
fn a_failback_asks_by_itself() {
    let mut app = app(groups(1));
    let request = keys(&mut app, &letters("b"));
    assert_eq!(request, Some(Request::Failback(key_of("group-000"))));
    assert_eq!(app.key(Key::Interrupt), Some(Request::Quit));
}

#[test]
fn states_and_counts_have_colours_if_those_are_wanted() {
    for colour in [true, false] {
        let mut app = app(groups(1));
        app.style.colour = colour;
        let drawn = buffer(&mut app, 120, 24);
        let colours: Vec<Color> = drawn.content.iter().map(|cell| cell.fg).collect();
        for expected in [Color::Yellow, Color::Red, Color::Green] {
            assert_eq!(colours.contains(&expected), colour, "{expected}");
        }
    }
}

#[test]
fn silence_is_noticed_after_five_seconds() {
    let mut app = app(groups(1));
    app.clusters[0].silent = Duration::from_secs(4);
    assert!(!text(&mut app, 80, 24).contains("last heard"));
    app.clusters[0].silent = Duration::from_secs(7);
    assert!(text(&mut app, 80, 24).contains("last heard 7 s ago"));
    app.clusters[0].link = Link::Lost("no route to host".to_owned());
    let lost = "CONNECTION LOST, last heard 7 s ago: no route to host; reconnecting";
    assert!(text(&mut app, 80, 24).contains(lost));
}

#[test]
fn groups_of_several_clusters_are_in_one_table() {
    let mut app = app(groups(1));
    let mut east = group("east-group");
    east.state = State::Invalid;
    app.clusters.push(cluster("east", vec![east]));
    app.clusters.push(LiveCluster {
        link: Link::Failed("no such host".to_owned()),
        ..cluster("north", Vec::new())
    });
    let drawn = lines(&mut app, 120, 24);
    assert_eq!(
        drawn[0],
        "00:00:00Z  2 groups in 3 clusters (west, east, north)"
    );
    assert!(drawn[2].contains("north: no such host"), "{drawn:#?}");
    let heading = drawn
        .iter()
        .position(|line| line.starts_with("CLUSTER"))
        .unwrap();
    assert!(
        drawn[heading + 1].starts_with("east     east-group"),
        "{drawn:#?}"
    );
    app.change(1, &StatusChange::Gone(group("east-group")));
    assert!(text(&mut app, 120, 24).contains("east: emojivoto/east-group: gone"));
    let narrow = text(&mut app, 40, 24);
    assert!(narrow.contains("  east: 0/1 web-svc"), "{narrow}");
}

#[test]
fn the_last_changes_are_kept_for_the_end() {
    let mut app = app(groups(1));
    for number in 0..120 {
        let appeared = StatusChange::Appeared(group(&format!("group-{number:03}")));
        app.change(0, &appeared);
    }
    let kept = app.changes();
    assert_eq!(kept.len(), 101);
    assert_eq!(kept[0], "(20 earlier changes are not shown)");
    assert!(kept[1].contains("group-020") && kept[100].contains("group-119"));
    let drawn = text(&mut app, 200, 50);
    assert_eq!(drawn.matches("appeared").count(), 10, "{drawn}");
}

#[test]
fn an_evacuation_is_in_the_head_and_not_said_again_of_each_group() {
    let evacuated = |mut status: Status| {
        let entry = AvoidEntry {
            backends: vec!["web-svc".into()],
            cluster: Some("east".into()),
            id: "CHG-77".into(),
            by: "admin@vm".into(),
            at: Some(Timestamp::UNIX_EPOCH),
            ..AvoidEntry::default()
        };
        status.reason = entry.evacuates("web-svc");
        status.avoid = vec![AvoidStatus {
            entry,
            effect: AvoidEffect::InForce,
        }];
        status
    };
    let mut app = app(groups(15).into_iter().map(evacuated).collect());
    let lines = lines(&mut app, 100, 40);
    let with = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    let head =
        "east is evacuated (CHG-77) by admin@vm, 0s ago: 15 groups of context west avoid it.";
    assert_eq!(lines[2], head);
    let command =
        "to end it in context west: kubectl failover return east --id CHG-77 --context west";
    assert_eq!(lines[3].trim_start(), command);
    // Of the selected group.
    assert_eq!(with("Evacuated by admin@vm"), 1, "{lines:#?}");
    assert_eq!(with("return east"), 1, "{lines:#?}");
    keys(&mut app, &[Key::Enter]);
    let details = text(&mut app, 100, 40);
    assert!(details.contains("return east --id CHG-77"), "{details}");
}
