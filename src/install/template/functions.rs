//! The functions of templates, as Go and Helm define them.

use serde_json::Value;

use super::TemplateResult;

/// Calls a function. `include` is not among them.
pub fn call(name: &str, args: &[Value]) -> TemplateResult<Value> {
    match (name, args) {
        ("quote", [value]) => Ok(Value::from(Value::from(printed(value)).to_string())),
        ("toYaml", [value]) => Ok(Value::from(yaml(value))),
        ("nindent", [Value::Number(width), value]) => Ok(Value::from(indented(
            width.as_u64().unwrap_or_default(),
            &printed(value),
        ))),
        ("default", [fallback, value]) => Ok(first([value, fallback], is_true)),
        ("not", [value]) => Ok(Value::from(!is_true(value))),
        ("and", [first_value, others @ ..]) => {
            Ok(first(std::iter::once(first_value).chain(others), |value| {
                !is_true(value)
            }))
        }
        ("or", [first_value, others @ ..]) => {
            Ok(first(std::iter::once(first_value).chain(others), is_true))
        }
        ("eq", [a, b]) => Ok(Value::from(a == b)),
        ("join", [separator, Value::Array(items)]) => {
            let items: Vec<String> = items.iter().map(printed).collect();
            Ok(Value::from(items.join(&printed(separator))))
        }
        ("printf", [format, values @ ..]) => formatted(&printed(format), values),
        ("fail", [message]) => Err(printed(message)),
        _ => Err(format!(
            "the function {name} with {} arguments is not supported",
            args.len()
        )),
    }
}

/// What an action prints.
pub fn printed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Everything is true but what is empty.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// Returns the first value that is right, else the last one.
fn first<'a>(
    values: impl IntoIterator<Item = &'a Value>,
    is_right: impl Fn(&Value) -> bool,
) -> Value {
    let mut last = &Value::Null;
    for value in values {
        last = value;
        if is_right(value) {
            break;
        }
    }
    last.clone()
}

/// A line for each element; what is inside them is JSON, which is YAML too.
fn yaml(value: &Value) -> String {
    let lines: Vec<String> = match value {
        Value::Object(fields) if !fields.is_empty() => fields
            .iter()
            .map(|(key, value)| format!("{}: {value}", Value::from(key.as_str())))
            .collect(),
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| format!("- {item}")).collect()
        }
        other => return other.to_string(),
    };
    lines.join("\n")
}

fn indented(width: u64, text: &str) -> String {
    let indent = " ".repeat(usize::try_from(width).unwrap_or_default());
    text.split('\n')
        .map(|line| format!("\n{indent}{line}"))
        .collect()
}

/// Knows `%s` and `%v`.
fn formatted(format: &str, values: &[Value]) -> TemplateResult<Value> {
    let mut parts = format.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut values = values.iter();
    for part in parts {
        let rest = part.strip_prefix(['s', 'v']);
        let (Some(rest), Some(value)) = (rest, values.next()) else {
            return Err(format!("the format {format:?} is not supported"));
        };
        text += &printed(value);
        text += rest;
    }
    Ok(Value::from(text))
}
