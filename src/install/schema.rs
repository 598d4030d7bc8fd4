//! Checks values against the chart's JSON Schema: the keywords that it uses.

use regex::Regex;
use serde_json::Value;

use crate::problem::Problem;

/// # Errors
/// A `Problem` with the first value that does not fit. `path`: where it is.
pub fn check(value: &Value, schema: &Value, path: &str) -> Result<(), Problem> {
    let wrong = |allowed: String| {
        Problem::usage(format!(
            "the value {path} is {value}, but must be {allowed}"
        ))
    };
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let names: Vec<String> = allowed.iter().map(Value::to_string).collect();
        return Err(wrong(names.join(" or ")));
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.as_slice(),
        one => std::slice::from_ref(one),
    };
    let types: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
    if !types.is_empty() && !types.iter().any(|name| is_of(value, name)) {
        return Err(wrong(format!("of type {}", types.join(" or "))));
    }
    let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    if let Some(number) = value.as_f64() {
        if let Some(least) = least.filter(|least| number < *least) {
            return Err(wrong(format!("at least {least}")));
        }
        if let Some(most) = most.filter(|most| number > *most) {
            return Err(wrong(format!("at most {most}")));
        }
    }
    if value == "" && schema["minLength"] == 1 {
        return Err(wrong("set".to_owned()));
    }
    if let (Some(text), Some(pattern)) = (value.as_str(), schema["pattern"].as_str())
        && !Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
    {
        return Err(wrong(
            schema["description"].as_str().unwrap_or(pattern).to_owned(),
        ));
    }
    if schema["uniqueItems"] == true
        && let Some(twice) = repeated(value)
    {
        return Err(Problem::usage(format!(
            "the value {path} has {twice} twice"
        )));
    }
    match value {
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            check(item, &schema["items"], &format!("{path}[{index}]"))
        }),
        Value::Object(fields) => fields
            .iter()
            .try_for_each(|(key, value)| field(key, value, schema, path)),
        _ => Ok(()),
    }
}

fn field(key: &str, value: &Value, schema: &Value, path: &str) -> Result<(), Problem> {
    let whole = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    let others = &schema["additionalProperties"];
    match schema["properties"].get(key) {
        Some(schema) => check(value, schema, &whole(key)),
        None if *others == false => {
            let known = schema["properties"].as_object().into_iter().flatten();
            let known: Vec<String> = known.map(|(key, _)| whole(key)).collect();
            let typed = whole(key);
            let names = || known.iter().map(String::as_str);
            Err(Problem::usage(format!("the chart has no value {typed}"))
                .did_you_mean(&typed, names())
                .there_are("values", names()))
        }
        None => check(value, others, &whole(key)),
    }
}

fn repeated(list: &Value) -> Option<&Value> {
    let items = list.as_array()?;
    let mut indexed = items.iter().enumerate();
    indexed.find_map(|(index, item)| items[..index].contains(item).then_some(item))
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => false,
    }
}
