//! Checks that output cannot control a terminal.

use super::output::Output;

/// Checks that the output of a run can neither move the cursor nor change the direction of writing.
#[track_caller]
pub fn harmless(output: Output) -> Output {
    let harmful = |character: char| {
        (character.is_control() && !matches!(character, '\n' | '\t'))
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    assert!(
        !output.stdout.contains(harmful),
        "standard output: {:?}",
        output.stdout
    );
    assert!(
        !output.stderr.contains(harmful),
        "standard error: {:?}",
        output.stderr
    );
    output
}
