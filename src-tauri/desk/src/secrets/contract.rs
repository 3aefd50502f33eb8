//! What every place for secrets must do.

use super::{Secret, SecretName, Secrets, SecretsError};

/// Tries a place out: for a throw-away place only, since whatever it keeps is overwritten and removed.
///
/// # Errors
/// The first promise that it breaks.
pub fn check_contract(place: &dyn Secrets) -> Result<(), String> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: SecretsError| format!("{what}: {}", crate::failure::chain(&error))
    };
    let read = |name: SecretName| place.get(name).map_err(failed("reading"));
    let write =
        |name: SecretName, bytes: &[u8]| place.set(name, &Secret::new(bytes.to_vec())).map_err(failed("writing"));
    let remove = |name: SecretName| place.delete(name).map_err(failed("removing"));
    let expect = |is: bool, promise: &str| if is { Ok(()) } else { Err(promise.to_owned()) };
    let (one, other) = (SecretName::OpenClawIdentity, SecretName::Probe);

    place.is_ready().map_err(failed("looking"))?;
    remove(one)?;
    remove(other)?;
    expect(read(one)?.is_none(), "nothing is there at first")?;
    // Neither text nor without a zero.
    let bytes: Vec<u8> = (0..=255).collect();
    write(one, &bytes)?;
    expect(read(one)?.is_some_and(|secret| secret.bytes() == bytes), "what was written is read")?;
    expect(read(other)?.is_none(), "another name is another secret")?;
    write(other, b"other")?;
    write(one, b"second")?;
    expect(read(one)?.is_some_and(|secret| secret.bytes() == b"second"), "a second write replaces the first")?;
    remove(one)?;
    expect(read(one)?.is_none(), "what was removed is gone")?;
    remove(one)?;
    expect(read(other)?.is_some_and(|secret| secret.bytes() == b"other"), "removing leaves the others")?;
    let most = vec![0xa5; Secret::MOST_BYTES];
    write(other, &most)?;
    expect(read(other)?.is_some_and(|secret| secret.bytes() == most), "the largest secret fits")?;
    remove(other)?;
    expect(read(other)?.is_none(), "what was removed is gone")
}
