//! How the running service is, for a person.

use desk::control::answer::{AddressReach, AgentWord, DeviceState, LinkState, Status};
use desk::view::View;

use crate::exit::Stop;
use crate::terminal::Terminal;
use crate::words;

/// Prints where it listens, who answers and how many devices there are.
pub(crate) fn show(terminal: Terminal, status: &Status) -> Result<(), Stop> {
    for address in &status.addresses {
        say_address(terminal, address.reach, &address.url, &address.interface)?;
    }
    say_rest(terminal, status.agent, status.link.state, status.devices.bound, status.devices.online)
}

/// The same of what the window shows.
pub(crate) fn show_view(terminal: Terminal, view: &View) -> Result<(), Stop> {
    for address in &view.network.addresses {
        say_address(terminal, address.reach, &address.url, &address.interface)?;
    }
    let online = view.devices.iter().filter(|device| device.state != DeviceState::Offline).count();
    say_rest(terminal, view.assistant.kind, view.assistant.link, view.devices.len(), online)
}

fn say_address(terminal: Terminal, reach: AddressReach, url: &str, interface: &str) -> Result<(), Stop> {
    terminal.say(match reach {
        AddressReach::Computer => words::address_computer(terminal.language, url),
        AddressReach::Network => words::address_network(terminal.language, url, interface),
    })
}

fn say_rest(terminal: Terminal, agent: AgentWord, link: LinkState, bound: usize, online: usize) -> Result<(), Stop> {
    let language = terminal.language;
    terminal.say(match (agent, link) {
        (AgentWord::Echo, _) => words::answers_echo(language),
        (AgentWord::Gateway, LinkState::Online) => words::answers_gateway_linked(language),
        (AgentWord::Gateway, LinkState::Offline) => words::answers_gateway_away(language),
    })?;
    terminal.say(words::device_count(language, bound, online))
}
