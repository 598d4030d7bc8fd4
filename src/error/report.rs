//! Prints the error of a command as text or JSON, and returns the exit code of the process.

use std::process::ExitCode;

use clap::ColorChoice;

use super::json;
use crate::output::streams::{StdoutClosed, Streams};
use crate::output::terminal::is_coloured;
use crate::problem::{Exit, Problem};

/// Prints clap's help, version or usage error. With `-o json` the error is printed as JSON too.
pub fn report_usage(
    streams: &Streams,
    usage: &clap::Error,
    color: ColorChoice,
    json: bool,
) -> ExitCode {
    let text = usage.render();
    let render = |on_terminal| match is_coloured(color, on_terminal) {
        true => text.ansi().to_string(),
        false => text.to_string(),
    };
    if !usage.use_stderr() {
        let printed = streams.write(&render(streams.out_is_terminal()));
        return finish(streams, printed.map(|()| Exit::Done), false);
    }
    // Failing to write the message is not a failure of its own.
    let _ = streams.write_err(&render(streams.err_is_terminal()));
    if json {
        json::print(streams, &json::of_usage(usage));
    }
    Exit::Usage.into()
}

/// Prints the error of a command, if there is one, and returns the exit code. With `-o json` the
/// error is printed as JSON too. A closed standard output is not an error.
pub fn finish(streams: &Streams, outcome: anyhow::Result<Exit>, json: bool) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) if error.is::<StdoutClosed>() => Exit::Done.into(),
        Err(error) => {
            let problem = Problem::of(&error);
            say(streams, &problem);
            if json && !problem.is_printed {
                json::print(streams, &problem);
            }
            problem.exit.into()
        }
    }
}

/// Writes a problem to standard error.
fn say(streams: &Streams, problem: &Problem) {
    if streams.logs_json() {
        tracing::error!(
            next = problem.next.join("; "),
            exit_code = problem.exit.code(),
            "{problem}"
        );
    } else {
        let lines = problem.lines("error");
        lines.iter().for_each(|line| streams.say(line));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_broken_pipe_other_than_standard_output_is_an_error() {
        let error = anyhow::Error::new(Error::from(ErrorKind::BrokenPipe))
            .context("telling the supervisor to stay");
        let (streams, captured) = Streams::captured();
        let code = finish(&streams, Err(error), false);
        assert_eq!(code, ExitCode::from(1));
        assert!(captured.err().starts_with("error: telling the supervisor"));
    }

    #[test]
    fn a_closed_standard_output_is_not_reported() {
        let (streams, captured) = Streams::captured();
        captured.close_out();
        let error = streams.print("line").unwrap_err().context("printing");
        let code = finish(&streams, Err(error), true);
        assert_eq!((code, captured.err().as_str()), (ExitCode::SUCCESS, ""));
    }
}
