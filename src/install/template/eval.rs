//! Renders parsed templates with data.

use std::collections::BTreeMap;

use serde_json::Value;

use super::TemplateResult;
use super::functions::{call, is_true, printed};
use super::lexer::Token;
use super::parser::{Block, BlockKind, Call, Node, Operand, Pipeline, parse};

#[derive(Debug, Default)]
pub struct Templates {
    /// What templates can include.
    definitions: BTreeMap<String, Vec<Node>>,
    /// What `.Files.Get` returns.
    files: BTreeMap<&'static str, &'static str>,
}

/// The data that a path begins from.
#[derive(Clone, Copy)]
struct Data<'a> {
    root: &'a Value,
    dot: &'a Value,
}

impl Templates {
    pub fn with_files(files: &[(&'static str, &'static str)]) -> Self {
        Self {
            files: files.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// Adds the definitions of a file.
    pub fn define(&mut self, template: &str) -> TemplateResult<()> {
        parse(template, &mut self.definitions).map(drop)
    }

    /// Renders a file, which can include the definitions.
    pub fn render(&self, template: &str, data: &Value) -> TemplateResult<String> {
        let nodes = parse(template, &mut BTreeMap::new())?;
        let data = Data {
            root: data,
            dot: data,
        };
        let mut out = String::new();
        self.write(&nodes, data, &mut out)?;
        Ok(out)
    }

    fn write(&self, nodes: &[Node], data: Data<'_>, out: &mut String) -> TemplateResult<()> {
        for node in nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Print(pipeline) => out.push_str(&printed(&self.result(pipeline, data)?)),
                Node::Block(block) => self.write_block(block, data, out)?,
            }
        }
        Ok(())
    }

    fn write_block(&self, block: &Block, data: Data<'_>, out: &mut String) -> TemplateResult<()> {
        let subject = self.result(&block.subject, data)?;
        if !is_true(&subject) {
            return self.write(&block.otherwise, data, out);
        }
        match (block.kind, &subject) {
            (BlockKind::If, _) => self.write(&block.body, data, out),
            (BlockKind::With, dot) => self.write(&block.body, Data { dot, ..data }, out),
            (BlockKind::Range, Value::Array(items)) => items
                .iter()
                .try_for_each(|dot| self.write(&block.body, Data { dot, ..data }, out)),
            (BlockKind::Range, _) => Err("range needs a list".to_owned()),
        }
    }

    fn result(&self, Pipeline(calls): &Pipeline, data: Data<'_>) -> TemplateResult<Value> {
        let mut piped = None;
        for call in calls {
            piped = Some(self.call(call, piped, data)?);
        }
        piped.ok_or_else(|| "a value is missing".to_owned())
    }

    fn call(
        &self,
        Call(operands): &Call,
        piped: Option<Value>,
        data: Data<'_>,
    ) -> TemplateResult<Value> {
        let (name, operands) = match operands.split_first() {
            Some((Operand::Token(Token::Word(name)), operands))
                if !matches!(name.as_str(), "true" | "false") =>
            {
                (name, operands)
            }
            Some((
                Operand::Token(Token::Path { keys, .. }),
                [Operand::Token(Token::Text(name))],
            )) if *keys == ["Files", "Get"] => return self.file(name),
            Some((operand, [])) if piped.is_none() => return self.operand(operand, data),
            _ => return Err("a value has arguments".to_owned()),
        };
        let args = operands.iter().map(|operand| self.operand(operand, data));
        let mut args = args.collect::<TemplateResult<Vec<Value>>>()?;
        args.extend(piped);
        if name != "include" {
            return call(name, &args);
        }
        let [Value::String(name), dot] = args.as_slice() else {
            return Err("include needs a name and data".to_owned());
        };
        let nodes = self.definitions.get(name);
        let nodes = nodes.ok_or_else(|| format!("{name} is not defined"))?;
        let mut out = String::new();
        self.write(nodes, Data { root: dot, dot }, &mut out)?;
        Ok(Value::from(out))
    }

    fn file(&self, name: &str) -> TemplateResult<Value> {
        let content = self.files.get(name);
        let missing = || format!("the file {name} does not exist");
        content.map(|text| Value::from(*text)).ok_or_else(missing)
    }

    fn operand(&self, operand: &Operand, data: Data<'_>) -> TemplateResult<Value> {
        match operand {
            Operand::Nested(pipeline) => self.result(pipeline, data),
            Operand::Token(Token::Text(text)) => Ok(Value::from(text.as_str())),
            Operand::Token(Token::Number(number)) => Ok(Value::from(*number)),
            Operand::Token(Token::Path { is_root, keys }) => {
                let start = if *is_root { data.root } else { data.dot };
                let found = keys.iter().try_fold(start, |value, key| value.get(key));
                Ok(found.cloned().unwrap_or_default())
            }
            Operand::Token(Token::Word(word)) => match word.as_str() {
                "true" => Ok(Value::from(true)),
                "false" => Ok(Value::from(false)),
                name => call(name, &[]),
            },
            Operand::Token(token) => Err(format!("unexpected {token:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(template: &str) -> TemplateResult<String> {
        let mut templates = Templates::with_files(&[("f", "x\ny")]);
        templates.define(r#"{{ define "name" }}[{{ .a }}]{{ end }}"#)?;
        let data = json!({"a": 1, "list": ["x", "y"], "none": [], "map": {"k": {"d": true}}});
        templates.render(template, &data)
    }

    #[test]
    fn blocks_and_pipelines() {
        for (template, expected) in [
            ("{{ if .none }}a{{ else }}b{{ end }}", "b"),
            ("{{ range .list }}{{ . }}{{ $.a }},{{ end }}", "x1,y1,"),
            (
                "{{ with .map }}{{ toYaml . }}{{ end }}",
                r#""k": {"d":true}"#,
            ),
            (r#"{{ include "name" . | nindent 2 }}"#, "\n  [1]"),
            (
                r#"{{ printf "%s:%v" (join "," .list) .a | quote }}"#,
                "\"x,y:1\"",
            ),
            (r#"{{ .missing | default "d" }}{{ .missing }}"#, "d"),
            ("{{ if and .a (not .none) }}yes{{ end }}", "yes"),
            (r#"{{ .Files.Get "f" | nindent 1 }}"#, "\n x\n y"),
            (r#"{{ "{{" }} $labels.x }}"#, "{{ $labels.x }}"),
            (r#"{{ if eq .a 1 }}{{ or .none "z" }}{{ end }}"#, "z"),
        ] {
            assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_is_not_supported_is_an_error() {
        for template in [
            "{{ unknown .a }}",
            "{{ if .a }}",
            "{{ end }}",
            "{{ .a .b }}",
            "{{ range .map }}{{ end }}",
            r#"{{ include "other" . }}"#,
            r#"{{ printf "%d" .a }}"#,
            "{{ | quote }}",
            r#"{{ .Files.Get "g" }}"#,
            "{{ (.a }}x{{ else if .b }}",
        ] {
            assert!(rendered(template).is_err(), "{template}");
        }
        assert_eq!(rendered(r#"{{ fail "why" }}"#), Err("why".to_owned()));
    }
}
