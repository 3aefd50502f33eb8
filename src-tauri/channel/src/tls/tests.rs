use super::*;

fn path(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("tls.pem")
}

#[test]
fn a_certificate_is_made_once_and_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let made = Tls::load_or_create(&path(&folder)).unwrap();
    let again = Tls::load_or_create(&path(&folder)).unwrap();
    assert_eq!(made.certificate(), again.certificate());
    assert!(made.certificate().der.0.len() < 400, "a board keeps it in little memory");
    let elsewhere = tempfile::tempdir().unwrap();
    assert_ne!(Tls::load_or_create(&path(&elsewhere)).unwrap().certificate(), made.certificate());
    // What `bind_ok` says, and what the QR code says, is the same certificate.
    assert_eq!(made.certificate().chan, Chan::of_certificate(&made.certificate().der.0));
}

#[test]
fn a_damaged_file_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    Tls::load_or_create(&path(&folder)).unwrap();
    Tls::load_or_create(&path(&other)).unwrap();
    let whole = std::fs::read_to_string(path(&folder)).unwrap();
    let cut = whole.find("-----BEGIN CERTIFICATE").unwrap();
    let (key, certificate) = whole.split_at(cut);
    let foreign = std::fs::read_to_string(path(&other)).unwrap();
    let foreign = foreign.split_at(foreign.find("-----BEGIN CERTIFICATE").unwrap()).1;
    for bad in [
        String::new(),
        key.to_owned(),
        certificate.to_owned(),
        format!("{key}{foreign}"),
        format!("{key}{certificate}{foreign}"),
        whole.replace('M', "N"),
        whole[..whole.len() - 40].to_owned(),
        "x".repeat(FILE + 1),
    ] {
        std::fs::write(path(&folder), &bad).unwrap();
        assert!(matches!(Tls::load_or_create(&path(&folder)), Err(KeyError::Damaged(_))), "{bad}");
        assert_eq!(std::fs::read_to_string(path(&folder)).unwrap(), bad, "nothing was replaced");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    Tls::load_or_create(&path(&folder)).unwrap();
    assert_eq!(std::fs::metadata(path(&folder)).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(path(&folder), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Tls::load_or_create(&path(&folder)), Err(KeyError::Exposed(_))));
}
