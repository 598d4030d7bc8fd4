//! Runs the plugin on a pseudoterminal.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::{Child, Command};

use super::wait::{WAIT_LIMIT, eventually};

/// The plugin on a terminal of its own. It is killed when this is dropped.
pub struct Pty {
    terminal: File,
    child: Child,
    written: Arc<Mutex<Vec<u8>>>,
    /// What the terminal shows.
    screen: Arc<Mutex<vt100::Parser>>,
    /// Ends once all is read and no process has the other end open.
    reader: JoinHandle<()>,
    /// Ends before the reader.
    gone: Arc<AtomicBool>,
}

impl Pty {
    pub fn start(mut command: Command, columns: u16, rows: u16) -> Self {
        let terminal =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudoterminal can be had");
        grantpt(&terminal).expect("the pseudoterminal is ours");
        unlockpt(&terminal).expect("the pseudoterminal can be unlocked");
        let name = ptsname(&terminal, Vec::new()).expect("the pseudoterminal has a name");
        let end = || {
            let end = open(
                name.as_c_str(),
                OFlags::RDWR | OFlags::NOCTTY,
                Mode::empty(),
            );
            Stdio::from(end.expect("the pseudoterminal can be opened"))
        };
        let terminal = File::from(terminal);
        resize(&terminal, columns, rows);
        let command = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .env("TERM", "xterm-256color")
            .env("XDG_CONFIG_HOME", env!("CARGO_TARGET_TMPDIR"));
        let child = command
            .env_remove("NO_COLOR")
            .kill_on_drop(true)
            .spawn()
            .expect("the plugin starts");
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let shared = terminal.try_clone().expect("the terminal can be shared");
        let gone = Arc::<AtomicBool>::default();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(rows), size(columns), 0)));
        let sinks = (Arc::clone(&written), Arc::clone(&screen));
        let reader = collect(shared, sinks, Arc::clone(&gone));
        Self {
            terminal,
            child,
            written,
            screen,
            reader,
            gone,
        }
    }

    /// Everything written to the terminal so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("the reader is well")).into_owned()
    }

    /// What the alternate screen shows. None while a frame is being drawn, and without that screen.
    pub fn frame(&self) -> Option<String> {
        let is_complete = {
            let written = self.written();
            let ends = |text: &str| written.rmatch_indices(text).next().map(|(at, _)| at);
            ends("\x1b[?2026l") > ends("\x1b[?2026h")
        };
        let parser = self.screen.lock().expect("the reader is well");
        let screen = parser.screen();
        (is_complete && screen.alternate_screen()).then(|| screen.contents())
    }

    /// Whether the screen shows this text in this colour, by its number.
    pub fn shows_coloured(&self, text: &str, colour: u8) -> bool {
        let parser = self.screen.lock().expect("the reader is well");
        let screen = parser.screen();
        let (_, columns) = screen.size();
        let first = text.chars().next();
        screen
            .rows(0, columns.get())
            .enumerate()
            .any(|(row, line)| {
                let starts = line.match_indices(text);
                let mut columns = starts.map(|(at, _)| line[..at].chars().count());
                columns.any(|column| {
                    let at = |number: usize| u16::try_from(number).expect("a terminal is small");
                    let cell = screen.cell(at(row), at(column)).expect("the cell exists");
                    cell.fgcolor() == vt100::Color::Idx(colour)
                        && cell.contents().chars().next() == first
                })
            })
    }

    /// Types keys as a terminal sends them.
    pub fn keys(&mut self, keys: &str) {
        self.terminal
            .write_all(keys.as_bytes())
            .expect("the terminal takes the keys");
    }

    /// Waits for a frame that fulfills this condition.
    pub async fn until_frame(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        eventually(&format!("the frame shows {what}"), async || {
            match self.frame() {
                Some(frame) if is_so(&frame) => Ok(frame),
                other => Err(other.unwrap_or_else(|| self.written())),
            }
        })
        .await
    }

    /// Waits for a frame that contains this text, whatever its lines are broken at.
    pub async fn until_shown(&self, text: &str) -> String {
        let on_one_line = |frame: &str| frame.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_shown = |frame: &str| on_one_line(frame).contains(text.trim());
        self.until_frame(&format!("{text:?}"), is_shown).await
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.screen
            .lock()
            .expect("the reader is well")
            .screen_mut()
            .set_size(size(rows), size(columns));
        resize(&self.terminal, columns, rows);
        // The terminal does not control the process, so the kernel sends no signal.
        self.signal(Signal::WINCH);
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self
            .child
            .id()
            .and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        kill_process(pid.expect("the plugin still runs"), signal).expect("the signal is sent");
    }

    /// Waits until this text was written.
    pub async fn until(&self, text: &str) {
        eventually(&format!("{text:?} is written"), async || {
            let written = self.written();
            if written.contains(text) {
                Ok(())
            } else {
                Err(written)
            }
        })
        .await;
    }

    /// Waits until this text was written, and types a line.
    pub async fn answer(&mut self, question: &str, line: &str) {
        self.until(question).await;
        writeln!(self.terminal, "{line}").expect("the terminal takes the line");
    }

    /// Closes the terminal, sends the signal that the kernel would send, and waits for the end.
    /// Returns the exit code.
    pub async fn hang_up(mut self) -> Option<i32> {
        self.gone.store(true, Ordering::Relaxed);
        self.reader.join().expect("the reader is well");
        let pid = self
            .child
            .id()
            .and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        drop(self.terminal);
        kill_process(pid.expect("the plugin still runs"), Signal::HUP).expect("the signal is sent");
        let ended = tokio::time::timeout(WAIT_LIMIT, self.child.wait())
            .await
            .expect("the plugin ends in time");
        ended.expect("the plugin can be waited for").code()
    }

    /// Waits for the end. Returns the exit code and everything that was written.
    pub async fn wait(mut self) -> (Option<i32>, String) {
        let ended = tokio::time::timeout(WAIT_LIMIT, self.child.wait())
            .await
            .expect("the plugin ends in time");
        let code = ended.expect("the plugin can be waited for").code();
        eventually("all that was written is read", async || {
            if self.reader.is_finished() {
                Ok(())
            } else {
                Err(self.written())
            }
        })
        .await;
        (code, self.written())
    }
}

fn resize(terminal: &File, columns: u16, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("the terminal has a size");
}

fn size(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has a size")
}

/// Where the reader puts what it reads.
type Sinks = (Arc<Mutex<Vec<u8>>>, Arc<Mutex<vt100::Parser>>);

fn collect(mut terminal: File, (written, screen): Sinks, gone: Arc<AtomicBool>) -> JoinHandle<()> {
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while !gone.load(Ordering::Relaxed) {
            let ready = poll(&mut [PollFd::new(&terminal, PollFlags::IN)], Some(&wait));
            if ready.is_ok_and(|ready| ready == 0) {
                continue;
            }
            let Ok(length @ 1..) = terminal.read(&mut buffer) else {
                break;
            };
            let bytes = &buffer[..length];
            let mut written = written.lock().expect("the tests are well");
            written.extend_from_slice(bytes);
            screen.lock().expect("the tests are well").process(bytes);
        }
    })
}
