//! Reads a kubeconfig as kubectl reads it: of a doubled key the last value counts, an empty value
//! counts as absent, only the first document is read, and relative paths start at the file's folder.

use std::collections::HashSet;
use std::path::{MAIN_SEPARATOR, Path};

use kube::config::{AuthInfo, Cluster, Kubeconfig, NamedCluster, NamedContext};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_yaml::DuplicateKeyPolicy;

/// The lists of named entries, with the key of their content.
const LISTS: [(&str, &str); 3] = [
    ("clusters", "cluster"),
    ("users", "user"),
    ("contexts", "context"),
];

/// Parses a kubeconfig. `folder` is where its relative paths start; without one they stay relative.
///
/// # Errors
/// Why it is not a kubeconfig. Does not quote the file, which may contain tokens and keys.
pub fn parse(bytes: &[u8], folder: Option<&Path>) -> Result<Kubeconfig, String> {
    let text = decode(bytes).ok_or("its encoding is neither UTF-8 nor UTF-16")?;
    let mut document = first_document(&text)?;
    let top = match &mut document {
        Value::Null => return Ok(Kubeconfig::default()),
        Value::Object(top) => top,
        _ => return Err("invalid YAML at line 1: keys are expected".to_owned()),
    };
    check_type(top)?;
    prune(top);
    for (list, content) in LISTS {
        settle_entries(top, list, content)?;
    }
    let mut kubeconfig: Kubeconfig =
        serde_json::from_value(Value::Object(top.clone())).map_err(|_| wrong_type(top))?;
    if let Some(folder) = folder {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        resolve_paths(&mut kubeconfig, &folder);
    }
    Ok(kubeconfig)
}

fn decode(bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .filter_map(|pair| pair.try_into().ok().map(unit))
            .collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

fn first_document(text: &str) -> Result<Value, String> {
    let options = serde_yaml::options! { duplicate_keys: DuplicateKeyPolicy::LastWins };
    let documents = serde_yaml::from_multiple_with_options::<Value>(text, options);
    let documents = documents.map_err(|cause| {
        let line = cause
            .location()
            .map_or(String::new(), |at| format!(" at line {}", at.line()));
        format!("invalid YAML{line}")
    })?;
    Ok(documents.into_iter().next().unwrap_or_default())
}

/// kubectl refuses other kinds, such as a manifest.
fn check_type(top: &Map<String, Value>) -> Result<(), String> {
    for (key, expected) in [("kind", "Config"), ("apiVersion", "v1")] {
        let given = top.get(key).and_then(Value::as_str).unwrap_or_default();
        if !given.is_empty() && given != expected {
            return Err(format!("its {key} is {given:?}, not {expected:?}"));
        }
    }
    Ok(())
}

/// Removes empty values. Elements of lists stay, such as the arguments of a program.
fn prune(map: &mut Map<String, Value>) {
    map.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    for (key, value) in map {
        match value {
            Value::Object(inner) if key != "extensions" => prune(inner),
            Value::Array(elements) if key != "extensions" => {
                let maps = elements.iter_mut().filter_map(Value::as_object_mut);
                maps.for_each(|inner| inner.retain(|_, value| !value.is_null()));
            }
            _ => {}
        }
    }
}

/// Completes the entries of a list, and checks that each has a name of its own.
fn settle_entries(top: &mut Map<String, Value>, list: &str, content: &str) -> Result<(), String> {
    let mut names = HashSet::new();
    let entries = top.get_mut(list).and_then(Value::as_array_mut);
    for entry in entries
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        let name = entry.entry("name").or_insert_with(|| "".into()).clone();
        if !names.insert(name.clone()) {
            return Err(format!("two of its {list} have the name {name}"));
        }
        let content = entry.entry(content).or_insert_with(|| Map::new().into());
        if let Some(content) = content.as_object_mut() {
            prune(content);
            if list == "contexts" {
                content.entry("cluster").or_insert_with(|| "".into());
            }
        }
    }
    Ok(())
}

/// Says which entry has a value of the wrong type.
fn wrong_type(top: &Map<String, Value>) -> String {
    fn first<T: DeserializeOwned>(top: &Map<String, Value>, list: &str) -> Option<String> {
        let mut entries = top.get(list)?.as_array()?.iter();
        let wrong = entries.find(|entry| serde_json::from_value::<T>((*entry).clone()).is_err())?;
        let name = wrong
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Some(format!(
            "a value of {name:?} in its {list} has the wrong type; quote numbers and words such as yes"
        ))
    }
    first::<NamedCluster>(top, "clusters")
        .or_else(|| first::<kube::config::NamedAuthInfo>(top, "users"))
        .or_else(|| first::<NamedContext>(top, "contexts"))
        .unwrap_or_else(|| "a value has the wrong type".to_owned())
}

/// Makes the paths of files absolute.
fn resolve_paths(kubeconfig: &mut Kubeconfig, folder: &Path) {
    let absolute = |path: &mut Option<String>| {
        if let Some(path) = path {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    };
    let clusters = kubeconfig.clusters.iter_mut();
    for Cluster {
        certificate_authority,
        ..
    } in clusters.filter_map(|entry| entry.cluster.as_mut())
    {
        absolute(certificate_authority);
    }
    let users = kubeconfig.auth_infos.iter_mut();
    for AuthInfo {
        client_certificate,
        client_key,
        token_file,
        exec,
        ..
    } in users.filter_map(|entry| entry.auth_info.as_mut())
    {
        absolute(client_certificate);
        absolute(client_key);
        absolute(token_file);
        // A command without a separator is looked up in PATH.
        let command = exec.as_mut().map(|exec| &mut exec.command);
        if let Some(command) = command
            && command
                .as_ref()
                .is_some_and(|command| command.contains(MAIN_SEPARATOR))
        {
            absolute(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const PLAIN: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
        clusters: [{name: c, cluster: {server: 'https://a'}}]\n\
        users: [{name: u, user: {token: t}}]\n\
        contexts: [{name: c, context: {cluster: c, user: u}}]\n";

    fn read(text: &str) -> Kubeconfig {
        parse(text.as_bytes(), Some(Path::new("/etc/k"))).unwrap()
    }

    fn user(fields: &str) -> AuthInfo {
        let text = PLAIN.replace("token: t", fields);
        read(&text).auth_infos[0].auth_info.clone().unwrap()
    }

    #[test]
    fn of_doubled_keys_the_last_counts() {
        assert_eq!(
            user("token: t, token: s").token.unwrap().expose_secret(),
            "s"
        );
        let twice = format!("{PLAIN}kind: Config\npreferences: {{}}\npreferences: {{}}\n");
        assert_eq!(read(&twice).contexts.len(), 1);
        let lists = format!("{PLAIN}users: [{{name: v}}]\n");
        assert_eq!(read(&lists).auth_infos[0].name, "v");
    }

    #[test]
    fn empty_values_are_absent() {
        for empty in ["''", "null", "", "~"] {
            let user = user(&format!(
                "token: {empty}, tokenFile: {empty}, username: {empty}, password: {empty}, \
                 client-certificate: {empty}, client-certificate-data: {empty}, client-key: {empty}, \
                 client-key-data: {empty}, as: {empty}, as-uid: {empty}, exec: {empty}, \
                 auth-provider: {empty}"
            ));
            let filled = serde_json::to_value(&user).unwrap();
            assert_eq!(filled, serde_json::json!({}), "{empty}");
            let text = PLAIN.replace(
                "'https://a'",
                &format!("{empty}, certificate-authority: {empty}"),
            );
            let cluster = read(&text).clusters[0].cluster.clone().unwrap();
            assert_eq!(
                serde_json::to_value(&cluster).unwrap(),
                serde_json::json!({}),
                "{empty}"
            );
            let text = PLAIN.replace("current-context: c", &format!("current-context: {empty}"));
            assert_eq!(read(&text).current_context, None, "{empty}");
        }
        let exec = user(
            "exec: {command: /bin/x, apiVersion: v1, args: ['', a], env: [{name: X, value: ''}]}",
        );
        let exec = exec.exec.unwrap();
        assert_eq!(exec.args.unwrap(), ["", "a"]);
        assert_eq!(exec.env.unwrap()[0]["value"], "");
    }

    #[test]
    fn incomplete_entries_are_read() {
        let text = "contexts: [{name: a}, {context: {user: u}}]\nusers: [{name: u}]\nclusters:\n";
        let kubeconfig = read(text);
        assert_eq!(kubeconfig.contexts.len(), 2);
        assert_eq!(kubeconfig.contexts[1].context.as_ref().unwrap().cluster, "");
        assert_eq!(read("").contexts.len(), 0);
        assert_eq!(read(&format!("{PLAIN}---\n{PLAIN}")).contexts.len(), 1);
    }

    #[test]
    fn relative_paths_start_at_the_files_folder() {
        let user =
            user("tokenFile: t, client-certificate: ../c, client-key: /k, exec: {command: ./x}");
        assert_eq!(user.token_file.unwrap(), "/etc/k/t");
        assert_eq!(user.client_certificate.unwrap(), "/etc/k/../c");
        assert_eq!(user.client_key.unwrap(), "/k");
        assert_eq!(user.exec.unwrap().command.unwrap(), "/etc/k/./x");
        let on_path = super::tests::user("exec: {command: x}");
        assert_eq!(on_path.exec.unwrap().command.unwrap(), "x");
    }

    #[test]
    fn encodings_with_a_mark_are_read() {
        let utf16 = |unit: fn(u16) -> [u8; 2]| {
            let units = std::iter::once(0xFEFF).chain(PLAIN.encode_utf16());
            units.flat_map(unit).collect::<Vec<u8>>()
        };
        let marked = [&[0xEF, 0xBB, 0xBF], PLAIN.as_bytes()].concat();
        for bytes in [utf16(u16::to_le_bytes), utf16(u16::to_be_bytes), marked] {
            assert_eq!(parse(&bytes, None).unwrap().contexts.len(), 1);
        }
        assert!(parse(b"\xFFx", None).is_err());
        assert_eq!(read(&PLAIN.replace('\n', "\r\n")).contexts.len(), 1);
    }

    #[test]
    fn what_kubectl_refuses_is_refused_without_quoting_secrets() {
        for (text, why) in [
            (PLAIN.replace("Config", "Pod"), "its kind is \"Pod\""),
            (PLAIN.replace("v1", "v9"), "its apiVersion is \"v9\""),
            (
                PLAIN.replace("token: t", "token: 7357"),
                "a value of \"u\" in its users",
            ),
            (
                PLAIN.replace("name: u", "name: u}, {name: u"),
                "two of its users have the name \"u\"",
            ),
            ("7357".to_owned(), "invalid YAML"),
            (format!("{PLAIN}\t7357"), "invalid YAML at line "),
        ] {
            let error = parse(text.as_bytes(), None).unwrap_err();
            assert!(error.contains(why) && !error.contains("7357"), "{error}");
        }
    }

    #[test]
    fn a_folded_value_is_one_line() {
        let folded = PLAIN.replace("'https://a'", "\"https://\\\n      a\"");
        let server = read(&folded).clusters[0].cluster.clone().unwrap().server;
        assert_eq!(server.as_deref(), Some("https://a"));
    }
}
