//! What a file says, and what is wrong in one.

use super::*;

fn failure(text: &str) -> String {
    let problem = parse("groups.yaml", text).unwrap_err();
    [vec![problem.message], problem.next].concat().join("; ")
}

#[test]
fn the_keys_of_a_group_are_the_flags_of_create() {
    let text = "\
groups:
  - service: web-svc
    fallbacks: [web-svc-east, web-svc-north]
    policy: ordered
    min-ready: 2
    failback-delay: 30s
    standby: true
  - namespace: shop
    service: api
    fallbacks:
      - api-east
    kind: httproute
    port: 80
    weights: {api: 3, api-east: 1}
    policy: active-active
";
    let groups = parse("groups.yaml", text).unwrap();
    let [web, api] = groups.as_slice() else {
        panic!("{groups:?}")
    };
    assert_eq!(web.args.service.as_deref(), Some("web-svc"));
    assert_eq!(web.args.fallback, ["web-svc-east", "web-svc-north"]);
    assert_eq!(web.args.policy.min_ready.as_deref(), Some("2"));
    assert_eq!(web.args.resilience.standby.as_deref(), Some("on"));
    assert_eq!(
        (web.namespace.as_deref(), api.namespace.as_deref()),
        (None, Some("shop"))
    );
    assert_eq!(api.args.policy.weights.as_deref(), Some("api=3,api-east=1"));
    assert_eq!(api.args.port, Some(80));
    assert_eq!(api.place, "groups.yaml, line 8");
}

#[test]
fn all_mistakes_of_a_file_are_reported_at_once() {
    let text = "\
groups:
  - service: web
    fallbacks: [web]
  - service: api
    fallback: [api-east]
    policy: fastest
    port: 70000
    min-ready: x
  - fallbacks: [x]
    failback-delay: 3
    weights: {x: 2}
";
    let said = failure(text);
    let lines: Vec<&str> = said.split("; line ").collect();
    let [
        first,
        web,
        missing,
        unknown,
        policy,
        port,
        min_ready,
        service,
        delay,
    ] = lines.as_slice()
    else {
        panic!("{lines:#?}")
    };
    assert_eq!(*first, "groups.yaml has 8 mistakes");
    assert!(
        web.starts_with("2: web is the service that clients call"),
        "{web}"
    );
    assert_eq!(*missing, "4: the group has no fallbacks");
    assert_eq!(
        *unknown,
        "5: unknown key \"fallback\"; did you mean fallbacks?"
    );
    assert!(
        policy.starts_with("6: policy: invalid value 'fastest'")
            && policy.ends_with(" [possible values: spread, ordered, active-active]"),
        "{policy}"
    );
    assert!(port.starts_with("7: port: "), "{port}");
    assert!(
        min_ready.starts_with("8: min-ready cannot be \"x\"; allowed are "),
        "{min_ready}"
    );
    assert_eq!(*service, "9: the group has no service");
    assert!(
        delay.starts_with("10: failback-delay cannot be \"3\"; allowed are "),
        "{delay}"
    );
}

#[test]
fn errors_name_the_line_and_the_key() {
    let group = "groups:\n  - service: web\n    fallbacks: [web-east]\n";
    for (text, expected) in [
        ("groups:\n  - service: [web\n", "groups.yaml, line"),
        (
            "groups:\n  - service: web\n  \tfallbacks: [web-east]\n",
            "groups.yaml, line 3: YAML does not allow tabs for indentation (column 3); use spaces",
        ),
        (
            "groups:\n\t- service: web\n\t  fallbacks: [web-east]\n",
            "groups.yaml, line 2: YAML does not allow tabs for indentation (column 1); use spaces",
        ),
        (
            "groups:\n  - service: web\n    fallbacks: [web-east]\n\tname: x\n",
            "groups.yaml, line 4: YAML does not allow tabs for indentation (column 1); use spaces",
        ),
        (
            "service: web\n",
            "line 1: unknown key \"service\"; keys: groups",
        ),
        ("- service: web\n", "line 1: expected a list of groups"),
        ("groups: []\n", "line 1: groups: expected 1 to 10000 groups"),
        (
            "groups:\n  - web\n",
            "line 1: groups: each group needs keys",
        ),
        (
            "groups:\n  - service: web\n",
            "line 2: the group has no fallbacks",
        ),
        (
            "groups:\n  - fallbacks: [a]\n",
            "line 2: the group has no service",
        ),
        (
            &format!("{group}    min_ready: 2\n"),
            "line 4: unknown key \"min_ready\"; did you mean min-ready?",
        ),
        (
            &format!("{group}    policy: fastest\n"),
            "line 4: policy: invalid value 'fastest'",
        ),
        (&format!("{group}    port: 70000\n"), "line 4: port: "),
        (
            &format!("{group}    min-ready: 0%\n"),
            "line 4: min-ready cannot be \"0%\"; allowed are ",
        ),
        (
            &format!("{group}    weights: {{web-est: 2}}\n"),
            "line 4: weights cannot be \"web-est=2\"; allowed are ",
        ),
        (
            &format!("{group}    resilient: maybe\n"),
            "line 4: resilient: expected true or false",
        ),
        (
            "groups:\n  - service: web\n    fallbacks: web-east\n",
            "line 3: fallbacks: expected a list",
        ),
        (
            &format!("{group}  - service: web\n    fallbacks: [x]\n"),
            "line 4: service web has a group already, in line 2",
        ),
        (&format!("{group}    service: api\n"), "the same key twice"),
    ] {
        let said = failure(text);
        assert!(said.contains(expected), "{text}: {said}");
    }
}
