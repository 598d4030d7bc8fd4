//! The properties of a command other than its arguments.

use crate::access::rights::RbacCommand;
use crate::output::logging::LogFormat;

/// Each command has one, next to its arguments; [`super::Command::spec`] returns it.
#[derive(Debug, Clone, Copy, Default)]
pub struct CommandSpec {
    /// The end of its help text and of its man page.
    pub examples: &'static str,
    /// Its entry in the table of rights; none if it needs no rights.
    pub rights: Option<RbacCommand>,
    /// This run prints JSON of this program's own kinds, so errors must be JSON too.
    pub prints_json: bool,
    /// The format of this run's standard error.
    pub log_format: LogFormat,
}

impl CommandSpec {
    pub const fn new(examples: &'static str) -> Self {
        Self {
            examples,
            rights: None,
            prints_json: false,
            log_format: LogFormat::Text,
        }
    }

    pub const fn needs(self, rights: RbacCommand) -> Self {
        Self {
            rights: Some(rights),
            ..self
        }
    }

    pub const fn json(self, prints_json: bool) -> Self {
        Self {
            prints_json,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Cli;

    fn spec(line: &str) -> super::CommandSpec {
        let words = std::iter::once("kubectl-failover").chain(line.split(' '));
        Cli::try_parse_from(words).unwrap().command.spec()
    }

    #[test]
    fn the_rights_of_a_command_have_its_name() {
        let lines = [
            "create web --fallback web-east",
            "status",
            "history",
            "traffic web",
            "watch",
            "check",
            "force web",
            "failback web",
            "evacuate east",
            "return east --id CHG-77",
            "set web",
            "migrate web",
            "delete web",
            "pause web",
            "resume web",
            "install",
            "uninstall",
        ];
        for line in lines {
            let rights = spec(line).rights.unwrap();
            assert_eq!(rights.name(), line.split(' ').next().unwrap());
        }
        assert!(spec("completion bash").rights.is_none());
        assert!(spec("sandbox down").rights.is_none());
    }

    #[test]
    fn the_spec_says_whether_the_command_prints_json() {
        for line in ["status -o json", "force web -ojson", "watch --output=json"] {
            assert!(spec(line).prints_json, "{line}");
        }
        for line in ["status", "check -o json", "create web --fallback e -o yaml"] {
            assert!(!spec(line).prints_json, "{line}");
        }
    }
}
