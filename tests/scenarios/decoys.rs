//! Who is not the stray that a person agreed to end: twelve kinds of look-alikes, real processes of several users in namespaces of their own, against the
//! product's own function that holds a process and tells it to end.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

fn keep(rounds: &str, careless: bool) -> Result<Vec<Value>> {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--net", "--mount", "--mount-proc", "--fork", "--kill-child=SIGKILL"]);
    command.arg(env!("CARGO_BIN_EXE_decoys")).args(["keep", rounds]).args(careless.then_some("careless"));
    let output = command.output().context("unshare of util-linux")?;
    let told = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    told.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[test]
fn rounds_among_look_alikes_end_nobody_but_the_stray() -> Result<()> {
    let rounds = std::env::var("SMARTPI_DECOY_ROUNDS").unwrap_or_else(|_| "100".into());
    let told = keep(&rounds, false)?;
    let [tries, reused] = told.as_slice() else { anyhow::bail!("{told:?}") };
    assert_eq!(tries["wrong"], serde_json::json!([]), "{tries}");
    assert_eq!(tries["kinds"], 11, "{tries}");
    assert_eq!(tries["ended"], true, "the stray itself was not ended: {tries}");
    for (who, why) in tries["refused"].as_object().context("nobody was refused")? {
        let count: u64 = why.as_object().context("no reasons")?.values().filter_map(Value::as_u64).sum();
        assert_eq!(count, 3 * rounds.parse::<u64>()?, "{who}: {why}");
    }
    assert_eq!(reused["reused"].as_u64(), Some(rounds.parse()?));
    Ok(())
}

#[test]
fn a_tool_that_goes_by_names_is_caught_among_the_same_look_alikes() -> Result<()> {
    let told = keep("1", true)?;
    let wrong = told.first().and_then(|tries| tries["wrong"].as_array()).context("nothing was told")?;
    assert!(wrong.len() > 3, "{wrong:?}");
    Ok(())
}
