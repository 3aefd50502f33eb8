//! Where releases are looked for, and whose signature counts.

use minisign_verify::PublicKey;
use semver::Version;

use super::HOME;
use super::manifest;
use super::package::PackageKind;

/// Where the files of every release lie.
pub(super) const FILES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/download/");
/// GitHub keeps them there in truth.
const FILES_OF: &str = ".githubusercontent.com";

/// What runs, and where.
#[derive(Clone, Debug)]
pub(super) struct Here {
    pub(super) version: Version,
    /// As the Tauri updater calls it: `linux-x86_64`, `darwin-aarch64`.
    pub(super) platform: String,
    pub(super) kind: Option<PackageKind>,
}

/// Where to look, and whom to believe.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Of the manifest; its signature has `.sig` behind it.
    pub(super) url: String,
    pub(super) key: PublicKey,
    pub(super) here: Here,
}

impl Source {
    /// That of this build. `None`: it was built without a key, and does not look.
    ///
    /// Only a build for development takes another place and key from its environment.
    pub(crate) fn of_build() -> Option<Self> {
        let given = |name| std::env::var(name).ok().filter(|_| cfg!(debug_assertions));
        let key = given("SMARTPI_UPDATE_KEY").or_else(|| option_env!("SMARTPI_UPDATE_KEY").map(str::to_owned));
        let key = manifest::key(key.as_deref().filter(|key| !key.is_empty())?);
        if key.is_none() {
            tracing::error!("SMARTPI_UPDATE_KEY is no public key of minisign: no newer release will be found");
        }
        Some(Self {
            url: given("SMARTPI_UPDATE_URL").unwrap_or_else(|| format!("{HOME}/releases/latest/download/latest.json")),
            key: key?,
            here: Here {
                version: Version::parse(env!("CARGO_PKG_VERSION")).ok()?,
                platform: platform(),
                kind: if given("SMARTPI_UPDATE_KIND").is_some_and(|kind| kind == "deb") {
                    Some(PackageKind::Deb)
                } else {
                    PackageKind::of_this_program()
                },
            },
        })
    }

    /// Where a package lies: a build for development looks for it beside its own manifest.
    pub(super) fn address(&self, package: &str) -> String {
        match (self.url.strip_suffix("latest.json"), package.strip_prefix(FILES)) {
            (Some(folder), Some(file)) if !folder.starts_with(HOME) => format!("{folder}{file}"),
            _ => package.to_owned(),
        }
    }

    /// Whether a request may go to this host: the one that is asked, and where that one keeps its files.
    pub(super) fn may_ask(&self, host: &str) -> bool {
        let asked = self.url.strip_prefix("https://").and_then(|rest| rest.split(['/', ':']).next());
        asked == Some(host) || host.ends_with(FILES_OF)
    }
}

fn platform() -> String {
    let system = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    format!("{system}-{}", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source {
            url: format!("{HOME}/releases/latest/download/latest.json"),
            key: manifest::key(include_str!("recorded/release.key.pub")).unwrap(),
            here: Here { version: Version::new(0, 1, 0), platform: platform(), kind: None },
        }
    }

    #[test]
    fn packages_lie_at_github() {
        let package = format!("{FILES}v0.2.0/a.deb");
        assert_eq!(source().address(&package), package);
        let elsewhere = Source { url: "https://localhost:1/latest.json".into(), ..source() };
        assert_eq!(elsewhere.address(&package), "https://localhost:1/v0.2.0/a.deb");
    }

    #[test]
    fn requests_go_to_github_and_nowhere_else() {
        let source = source();
        for host in ["github.com", "objects.githubusercontent.com", "release-assets.githubusercontent.com"] {
            assert!(source.may_ask(host), "{host}");
        }
        for host in
            ["", "github.com.evil", "evilgithub.com", "githubusercontent.com", "evilgithubusercontent.com", "127.0.0.1"]
        {
            assert!(!source.may_ask(host), "{host}");
        }
    }
}
