//! How the running service is, for a person.

use desk::control::answer::{AddressReach, AgentWord, LinkState, Status};

use crate::exit::Stop;
use crate::terminal::Terminal;
use crate::words;

/// Prints where it listens, who answers and how many devices there are.
pub(crate) fn show(terminal: Terminal, status: &Status) -> Result<(), Stop> {
    let language = terminal.language;
    for address in &status.addresses {
        terminal.say(match address.reach {
            AddressReach::Computer => words::address_computer(language, &address.url),
            AddressReach::Network => words::address_network(language, &address.url, &address.interface),
        })?;
    }
    terminal.say(match (status.agent, status.link.state) {
        (AgentWord::Echo, _) => words::answers_echo(language),
        (AgentWord::Gateway, LinkState::Online) => words::answers_gateway_linked(language),
        (AgentWord::Gateway, LinkState::Offline) => words::answers_gateway_away(language),
    })?;
    terminal.say(words::device_count(language, status.devices.bound, status.devices.online))
}
