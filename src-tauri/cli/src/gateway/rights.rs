//! What roles and scopes of OpenClaw allow, for a person. The window judges in the same way: `ui/src/access.ts`.

use desk::control::answer::PairingRequest;
use desk::language::Language;

use crate::words::rights as say;

const ADMIN: &str = "operator.admin";
const PAIRING: &str = "operator.pairing";
const OPERATOR: &str = "operator";

type Words = fn(Language) -> String;

/// Every scope that OpenClaw 2026.9.6 knows, the one that allows most first, with its words and whether it is far-reaching.
const SCOPES: [(&str, Words, bool); 10] = [
    (ADMIN, say::admin, true),
    (PAIRING, say::pairing, true),
    ("operator.write", say::write, false),
    ("operator.read", say::read, false),
    ("operator.approvals", say::approvals, true),
    ("operator.questions", say::questions, false),
    ("operator.sessions.write", say::sessions_write, false),
    ("operator.sessions.read", say::sessions_read, false),
    ("operator.talk", say::talk, false),
    ("operator.talk.secrets", say::talk_secrets, true),
];

/// Whether a scope allows what another one does, as OpenClaw judges it.
fn covers(held: &str, wanted: &str) -> bool {
    held == wanted
        || match held {
            ADMIN => wanted.starts_with("operator."),
            "operator.write" => ["operator.read", "operator.talk", "operator.sessions.read", "operator.sessions.write"]
                .contains(&wanted),
            "operator.read" | "operator.sessions.write" => wanted == "operator.sessions.read",
            _ => false,
        }
}

fn is_allowed(wanted: &str, held: &[String]) -> bool {
    held.iter().any(|held| covers(held, wanted))
}

fn place(scope: &str) -> usize {
    SCOPES.iter().position(|(known, ..)| *known == scope).unwrap_or(SCOPES.len())
}

/// What they allow, the strongest first, as briefly as it can be said.
pub(super) fn words(language: Language, roles: &[String], scopes: &[String]) -> String {
    let mut told: Vec<&String> = Vec::new();
    for scope in scopes {
        let is_in_another = scopes.iter().any(|other| other != scope && covers(other, scope));
        if !is_in_another && !told.contains(&scope) {
            told.push(scope);
        }
    }
    told.sort_by_key(|scope| place(scope));
    let scope = |scope: &&String| match SCOPES.get(place(scope)) {
        Some((_, words, true)) => say::strong(language, words(language)),
        Some((_, words, false)) => words(language),
        // One of a newer OpenClaw is shown as it is.
        None => scope.to_string(),
    };
    let mut all: Vec<String> = told.iter().map(scope).collect();
    let mut named: Vec<&str> = roles.iter().map(String::as_str).collect();
    if named.is_empty() {
        named.push(OPERATOR);
    }
    named.dedup();
    // What an operator may do its scopes say.
    named.retain(|role| *role != OPERATOR || told.is_empty());
    all.extend(named.into_iter().map(|role| match role {
        OPERATOR => say::operator(language),
        "node" => say::node(language),
        other => other.to_owned(),
    }));
    all.join(&say::between(language))
}

/// What a request is about: what approving it adds, beside what the device has.
pub(super) fn asked(language: Language, request: &PairingRequest) -> Vec<String> {
    if request.approved_roles.is_none() && request.approved_scopes.is_none() {
        return vec![say::fresh(language, words(language, &request.roles, &request.scopes))];
    }
    let (roles, scopes) =
        (request.approved_roles.clone().unwrap_or_default(), request.approved_scopes.clone().unwrap_or_default());
    let new_scopes: Vec<String> = request.scopes.iter().filter(|scope| !is_allowed(scope, &scopes)).cloned().collect();
    let new_roles: Vec<String> = request.roles.iter().filter(|role| !roles.contains(role)).cloned().collect();
    let has = say::has(language, words(language, &roles, &scopes));
    if new_scopes.is_empty() && new_roles.is_empty() {
        return vec![say::same(language), has];
    }
    vec![say::more(language, words(language, &new_roles, &new_scopes)), has]
}

/// Whether approving it gives everything to who did not have it.
pub(super) fn is_full_control(request: &PairingRequest) -> bool {
    let had = request.approved_scopes.as_deref().unwrap_or_default();
    request.scopes.iter().any(|scope| scope == ADMIN) && !had.iter().any(|scope| scope == ADMIN)
}

/// Whether a device with these scopes may grant it, as OpenClaw's rules say.
pub(super) fn may_approve(request: &PairingRequest, held: &[String]) -> bool {
    let is_operator = request.roles.iter().all(|role| role == OPERATOR);
    let admin = [ADMIN.to_owned()];
    let needed = if is_operator { request.scopes.as_slice() } else { &admin };
    is_allowed(PAIRING, held) && needed.iter().all(|scope| is_allowed(scope, held))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn request(roles: &[&str], scopes: &[&str], has: Option<&[&str]>) -> PairingRequest {
        serde_json::from_value(json!({
            "requestId": "r", "deviceId": "d".repeat(64), "name": null, "platform": null, "clientId": null, "clientMode": null,
            "roles": roles, "scopes": scopes, "approvedScopes": has, "approvedRoles": has.map(|_| ["operator"]), "atMs": 0,
        }))
        .unwrap()
    }

    #[test]
    fn scopes_are_told_in_words_the_strongest_first_and_none_twice() {
        let told = |scopes: &[&str]| words(Language::En, &all(&["operator"]), &all(scopes));
        assert_eq!(
            told(&["operator.read", "operator.pairing", "operator.write"]),
            "let other devices in, and remove them (far-reaching); talk to the assistant, change chats and use its tools"
        );
        assert_eq!(told(&["operator.read", "operator.admin"]), format!("{} (far-reaching)", say::admin(Language::En)));
        assert_eq!(told(&["operator.read", "operator.new"]), "see chats, devices, logs and settings; operator.new");
        assert_eq!(told(&[]), say::operator(Language::En));
        assert_eq!(words(Language::Zh, &all(&["node"]), &[]), say::node(Language::Zh));
    }

    #[test]
    fn what_is_asked_stands_beside_what_it_has() {
        for (language, new, had) in
            [(Language::En, "asks for more", "may already"), (Language::Zh, "请求新增", "已有权限")]
        {
            let more = asked(
                language,
                &request(&["operator"], &["operator.read", "operator.approvals"], Some(&["operator.read"])),
            );
            assert!(more[0].contains(new) && more[0].contains(&say::approvals(language)), "{more:?}");
            assert!(!more[0].contains(&say::read(language)) && more[1].contains(&say::read(language)), "{more:?}");
            assert!(more[1].contains(had), "{more:?}");
            let fresh = asked(language, &request(&["operator"], &["operator.read"], None));
            assert_eq!(fresh, [say::fresh(language, say::read(language))]);
            let same = asked(language, &request(&["operator"], &["operator.read"], Some(&["operator.write"])));
            assert_eq!(same[0], say::same(language));
        }
    }

    #[test]
    fn nobody_grants_what_they_do_not_have() {
        let held = |scopes: &[&str]| all(scopes);
        let read = request(&["operator"], &["operator.read"], None);
        assert!(may_approve(&read, &held(&["operator.pairing", "operator.write"])));
        assert!(!may_approve(&read, &held(&["operator.pairing"])));
        assert!(!may_approve(&read, &held(&["operator.read"])));
        let node = request(&["node"], &[], None);
        assert!(!may_approve(&node, &held(&["operator.pairing", "operator.write"])));
        assert!(may_approve(&node, &held(&["operator.admin"])));
        assert!(is_full_control(&request(&["operator"], &["operator.admin"], None)));
        assert!(!is_full_control(&request(&["operator"], &["operator.admin"], Some(&["operator.admin"]))));
        assert!(!is_full_control(&read));
    }
}
