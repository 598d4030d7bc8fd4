//! Tests of the text of `evacuate` and `return`.

use super::plan::MAX_ROWS;
use super::{EvacuationReport, EvacuationRow, PlannedEffect};
use crate::model::GroupId;

fn row(name: &str, plan: PlannedEffect, result: &'static str) -> EvacuationRow {
    EvacuationRow {
        context: "east".into(),
        id: GroupId {
            namespace: "shop".into(),
            kind: "trafficsplit",
            name: name.into(),
        },
        backends: vec![name.into()],
        from: vec![name.into()],
        to: vec![format!("{name}-west")],
        plan,
        is_forced_there: false,
        is_forced_by_others: false,
        kept_by: Vec::new(),
        stays_away: false,
        is_back: false,
        result,
        message: "avoids it".into(),
        allow: None,
        next: Vec::new(),
        state: None,
    }
}

fn report<'a>(command: &'static str, rows: &'a [EvacuationRow]) -> EvacuationReport<'a> {
    EvacuationReport {
        command,
        cluster: "east",
        id: "CHG-77",
        until: None,
        reason: Some("maintenance"),
        dry_run: false,
        notes: &[],
        contexts: Vec::new(),
        rows,
        stopped: None,
        warnings: Vec::new(),
        next: Vec::new(),
        exit_code: 0,
    }
}

#[test]
fn the_plan_says_what_moves_and_what_stays() {
    let rows = [
        row("web", PlannedEffect::Moves, "wouldChange"),
        row("vote", PlannedEffect::Stays, "wouldChange"),
        row("mail", PlannedEffect::LeftThere, "refused"),
        row("chat", PlannedEffect::LeftElsewhere, "refused"),
        row("book", PlannedEffect::Quiet, "wouldChange"),
    ];
    let text = report("evacuate", &rows).plan(false, None).join("\n");
    let expected = "\
Evacuate east (CHG-77: maintenance)

CONTEXT  NAMESPACE  NAME  FROM  TO
east     shop       web   web   web-west

Stays in east:
  east shop/vote (traffic on vote): avoids it
  east shop/mail (traffic on mail): avoids it

Left alone, with no traffic in east now:
  east shop/chat (traffic on chat): avoids it

1 group without traffic in east now: nothing will move there (-o wide names it)";
    assert_eq!(text, expected);
    assert_eq!(
        report("evacuate", &rows[1..]).summary(),
        "Evacuation of east (CHG-77): 1 had no traffic there, 2 stayed behind, 1 left alone"
    );
}

#[test]
fn the_plan_names_groups_that_are_forced_there() {
    let mut forced = row("web", PlannedEffect::Moves, "wouldChange");
    forced.is_forced_there = true;
    let rows = [forced, row("vote", PlannedEffect::Moves, "wouldChange")];
    let plan = report("evacuate", &rows).plan(false, None);
    let last = plan.last().map(String::as_str);
    let expected =
        "Forced to east by hand, so traffic goes there again after the return: east shop/web";
    assert_eq!(last, Some(expected));
}

#[test]
fn a_narrow_terminal_gets_two_lines_for_a_group_and_whole_words() {
    let web = EvacuationRow {
        from: vec!["web-svc".into(), "web-svc-east".into()],
        to: vec!["web-svc".into(), "web-svc-central".into()],
        ..row("web-svc-failover", PlannedEffect::Moves, "wouldChange")
    };
    let stays = EvacuationRow {
        message: "no other backend is known to be ready".into(),
        next: vec!["kubectl failover check --context east -n shop".into()],
        ..row("vote", PlannedEffect::Stays, "wouldChange")
    };
    let lines = report("evacuate", &[web, stays]).plan(false, Some(48));
    assert_eq!(
        lines[2..],
        [
            "east shop/web-svc-failover",
            "    web-svc,web-svc-east ->",
            "    web-svc,web-svc-central",
            "",
            "Stays in east:",
            "  east shop/vote (traffic on vote): no other",
            "    backend is known to be ready",
            "    kubectl failover check --context east -n shop",
        ]
    );
}

#[test]
fn groups_that_are_left_for_the_same_reason_share_a_line() {
    let left = |name: &str| EvacuationRow {
        message: "Forbidden".into(),
        next: vec!["ask".into()],
        ..row(name, PlannedEffect::LeftThere, "refused")
    };
    let rows = [left("web"), left("vote")];
    let lines = report("evacuate", &rows).plan(false, None);
    assert_eq!(
        lines[3..],
        ["  east shop: 2 groups (web, vote): Forbidden", "    ask"]
    );
}

#[test]
fn many_rows_are_cut_unless_all_are_wanted() {
    let row = |index: usize| row(&format!("g{index}"), PlannedEffect::Moves, "changed");
    let rows: Vec<EvacuationRow> = (0..MAX_ROWS + 2).map(row).collect();
    let report = report("return", &rows);
    let lines = report.plan(false, None);
    assert_eq!(lines.last().unwrap(), "… and 2 more (-o wide lists all)");
    assert_eq!(report.plan(true, None).len(), lines.len() + 1);
    assert_eq!(report.summary(), "Return of east (CHG-77): 42 moved");
}

#[test]
fn a_return_that_brought_nothing_back_is_not_undone() {
    let quiet = row("book", PlannedEffect::Quiet, "changed");
    let left = row("mail", PlannedEffect::LeftThere, "refused");
    let moved = row("web", PlannedEffect::Moves, "changed");
    let rows = [quiet, left, moved];
    assert!(!report("return", &rows[..2]).can_be_undone());
    assert!(report("return", &rows).can_be_undone());
    assert!(report("evacuate", &rows[..1]).can_be_undone());
    assert!(!report("evacuate", &rows[1..2]).can_be_undone());
}

#[test]
fn each_group_counts_once_in_the_summary() {
    let kept = EvacuationRow {
        kept_by: vec!["A2".into()],
        ..row("chat", PlannedEffect::Quiet, "changed")
    };
    let away = EvacuationRow {
        stays_away: true,
        ..row("mail", PlannedEffect::Quiet, "changed")
    };
    let rows = [
        row("web", PlannedEffect::Stays, "notReached"),
        row("vote", PlannedEffect::Moves, "changed"),
        row("book", PlannedEffect::LeftElsewhere, "failed"),
        row("news", PlannedEffect::LeftElsewhere, "refused"),
        kept,
        away,
    ];
    assert_eq!(
        report("return", &rows).summary(),
        "Return of east (CHG-77): 1 moved, 1 still evacuated, 1 stayed away, 1 not returned, 1 \
         failed, 1 not reached"
    );
}
