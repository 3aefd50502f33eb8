//! What one can type. The words of the help are in `words/help.rs`, in both languages.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgGroup, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use desk::language::Language;

use crate::words::help;

mod gateway;
mod repair;

pub(crate) use gateway::{Gateway, GatewayArgs, GatewayDevices, Target};
pub(crate) use repair::Repair;

/// `smartpi`.
#[derive(Debug, Parser)]
#[command(
    name = "smartpi",
    version,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
pub(crate) struct Cli {
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[arg(long, global = true, value_enum, value_name = "zh|en", hide_possible_values = true)]
    pub(crate) lang: Option<Lang>,
    #[arg(long, short, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    #[arg(long, short = 'V', action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    pub(crate) command: Do,
}

/// `--lang`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Lang {
    Zh,
    En,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Zh => Self::Zh,
            Lang::En => Self::En,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Do {
    Serve(Serve),
    Start,
    Stop,
    Quit,
    Status,
    Bind(Bind),
    #[command(subcommand)]
    Devices(Devices),
    Activity(Activity),
    Report {
        file: Option<PathBuf>,
    },
    Backup {
        file: PathBuf,
    },
    Restore {
        file: PathBuf,
        #[arg(long)]
        yes: bool,
        #[arg(long)]
        stop: bool,
    },
    Simulate(Simulate),
    Gateway(GatewayArgs),
    Doctor,
    Repair(Repair),
    #[command(subcommand)]
    Plugin(Plugin),
    Version,
}

/// `serve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Serve {
    #[arg(long)]
    pub(crate) port: Option<u16>,
    #[arg(long)]
    pub(crate) lan: bool,
    #[arg(long, conflicts_with = "lan")]
    pub(crate) no_lan: bool,
    #[arg(long, value_enum, value_name = "gateway|echo", hide_possible_values = true)]
    pub(crate) agent: Option<Agent>,
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) answer_after: Option<u64>,
    #[arg(long)]
    pub(crate) show_qr: bool,
}

/// `--agent`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Agent {
    Gateway,
    Echo,
}

/// `bind`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Bind {
    #[arg(long, value_name = "FILE")]
    pub(crate) png: Option<PathBuf>,
    #[arg(long, value_name = "IP")]
    pub(crate) address: Option<IpAddr>,
}

/// `devices`.
#[derive(Debug, Subcommand)]
pub(crate) enum Devices {
    List,
    Status {
        device: String,
    },
    Rename {
        device: String,
        name: String,
    },
    Remove {
        device: String,
        #[arg(long)]
        yes: bool,
    },
    Send {
        device: String,
        text: String,
    },
    Test {
        device: String,
    },
    Mute {
        device: String,
    },
    Unmute {
        device: String,
    },
    SpeaksFirst {
        device: String,
        #[arg(value_enum, value_name = "anyone|asked|nobody", hide_possible_values = true)]
        who: Who,
    },
    Route {
        device: String,
        agent: Option<String>,
        #[arg(long, conflicts_with = "agent")]
        default: bool,
        #[arg(long)]
        yes: bool,
    },
    AddScript {
        name: String,
    },
    Pending,
    Approve {
        claim: Option<String>,
    },
    Reject {
        claim: Option<String>,
    },
}

/// Who may speak to a device without being asked.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Who {
    Anyone,
    Asked,
    Nobody,
}

/// `activity`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Activity {
    pub(crate) device: Option<String>,
    #[arg(long, value_name = "N", default_value_t = 20, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
}

/// `simulate`. An option that would count for nothing is refused.
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("secret").args(["code", "token"])))]
pub(crate) struct Simulate {
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<String>,
    #[arg(long)]
    pub(crate) plain: bool,
    #[arg(long, value_name = "XXXX-XXXX-XXXX-XXXX", requires = "address", conflicts_with_all = ["urls", "plain"])]
    pub(crate) code: Option<String>,
    #[arg(long, value_name = "IP:PORT", conflicts_with_all = ["urls", "plain", "code", "no_screen"])]
    pub(crate) announce: Option<String>,
    #[arg(
        long,
        value_name = "TOKEN",
        num_args = 0..=1,
        default_missing_value = "",
        requires = "address",
        conflicts_with_all = ["urls", "plain", "code", "announce", "count", "kind", "no_screen"]
    )]
    pub(crate) token: Option<String>,
    #[arg(long, value_name = "IP:PORT", requires = "secret")]
    pub(crate) address: Option<String>,
    // base64url: one hash in 64 begins with a hyphen.
    // What is required goes unasked where it would be in conflict, so the conflict is named too.
    #[arg(long, value_name = "HASH", requires = "token", conflicts_with = "code", allow_hyphen_values = true)]
    pub(crate) certificate: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) count: u32,
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) messages: Option<u32>,
    #[arg(long, value_name = "T")]
    pub(crate) text: Option<String>,
    #[arg(long, default_value = "smartpi simulate", hide_default_value = true)]
    pub(crate) name: String,
    #[arg(
        long,
        value_enum,
        value_name = "phone|speaker|board|script|other",
        hide_possible_values = true,
        default_value = "script",
        hide_default_value = true
    )]
    pub(crate) kind: Kind,
    #[arg(long)]
    pub(crate) no_screen: bool,
    #[arg(long, value_name = "SECONDS")]
    pub(crate) patience: Option<u64>,
}

/// `--kind`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    Phone,
    Speaker,
    Board,
    Script,
    Other,
}

/// `plugin`.
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    Install {
        #[arg(long, value_name = "FILE")]
        openclaw: Option<PathBuf>,
        #[arg(long)]
        yes: bool,
    },
    Uninstall {
        #[arg(long, value_name = "FILE")]
        openclaw: Option<PathBuf>,
        #[arg(long)]
        yes: bool,
    },
    Status {
        #[arg(long, value_name = "FILE")]
        openclaw: Option<PathBuf>,
    },
    #[command(subcommand)]
    Accounts(Accounts),
}

/// `plugin accounts`.
#[derive(Debug, Subcommand)]
pub(crate) enum Accounts {
    List,
    Bind {
        #[arg(long)]
        yes: bool,
    },
    Status {
        device: String,
    },
    Remove {
        device: String,
        #[arg(long)]
        yes: bool,
    },
}

/// The language that `--lang` names, also where the rest cannot be read.
pub(crate) fn language(args: &[OsString]) -> Language {
    let words = || args.iter().filter_map(|arg| arg.to_str());
    let after = words().zip(words().skip(1)).find(|(flag, _)| *flag == "--lang").map(|(_, value)| value);
    let named = after.or_else(|| words().find_map(|word| word.strip_prefix("--lang=")));
    named.and_then(|word| Lang::from_str(word, true).ok()).map_or_else(Language::of_user, Language::from)
}

/// Reads what was typed.
///
/// # Errors
/// What clap says; the help and the version too.
pub(crate) fn read(args: Vec<OsString>, language: Language) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command(language).try_get_matches_from(args)?)
}

/// The whole command with the help of one language.
pub(crate) fn command(language: Language) -> Command {
    speak(Cli::command(), "", language)
}

fn speak(command: Command, path: &str, language: Language) -> Command {
    let (usage, commands, arguments, options) = help::headings(language);
    let place = if path.is_empty() { "smartpi".to_owned() } else { format!("{path} {}", command.get_name()) };
    let template = format!("{{about}}\n\n{usage}{{usage}}\n\n{{all-args}}{{after-help}}\n");
    let mut command = command
        .about(help::of(&place, language))
        .help_template(template)
        .subcommand_help_heading(commands)
        .mut_args(|argument| explain(argument, &place, language, arguments, options))
        .mut_subcommands(|inner| speak(inner, &place, language));
    if path.is_empty() {
        command = command.after_help(help::of("smartpi exit codes", language));
    }
    command
}

fn explain(argument: Arg, place: &str, language: Language, arguments: &'static str, options: &'static str) -> Arg {
    let heading = if argument.is_positional() { arguments } else { options };
    let is_everywhere = argument.get_id() == "version" || (argument.is_global_set() && place == "smartpi");
    let key = if is_everywhere {
        format!("smartpi --{}", argument.get_id())
    } else {
        format!("{place} --{}", argument.get_id())
    };
    // What many commands have comes last, what every one has at the very end.
    let order = match (is_everywhere, argument.is_global_set()) {
        (true, _) => 1_000,
        (false, true) => 500,
        (false, false) => 0,
    };
    argument.help(help::of(&key, language)).help_heading(heading).display_order(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &str) -> Result<Cli, clap::Error> {
        read(words.split(' ').map(OsString::from).collect(), Language::En)
    }

    #[test]
    fn the_command_line_is_consistent() {
        for language in [Language::En, Language::Zh] {
            command(language).debug_assert();
        }
    }

    #[test]
    fn global_flags_stand_anywhere() {
        let cli = typed("smartpi devices list --json --data /d --lang zh").unwrap();
        assert!(cli.json && cli.data.is_some());
        assert!(typed("smartpi --json devices list").unwrap().json);
    }

    #[test]
    fn no_flag_takes_the_code_that_a_person_types() {
        let mut pending = vec![command(Language::En)];
        while let Some(command) = pending.pop() {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                // A simulated device is given the code that binds it. What approves it is typed, here as everywhere.
                let binds = command.get_name() == "simulate" && id == "code";
                assert!(binds || !["code", "digits", "confirm", "allow", "force"].contains(&id), "{id}");
            }
            pending.extend(command.get_subcommands().cloned());
        }
        assert!(typed("smartpi devices approve abc 07").is_err());
        assert!(typed("smartpi bind --code 07").is_err());
    }

    #[test]
    fn a_simulated_device_comes_in_one_way() {
        for good in [
            "smartpi simulate",
            "smartpi simulate http://127.0.0.1:1/b#1 --plain",
            "smartpi simulate --code C1GP-4RV4-CNK6-ET39 --address 127.0.0.1:8765",
            "smartpi simulate --announce 127.0.0.1:8765 --count 2",
            "smartpi simulate --token spd_x --address 192.168.1.5:8765 --certificate qG5N-OMK5HdvbzkylXsgDw",
            "smartpi simulate --token spd_x --address 192.168.1.5:8765 --certificate -G5N-OMK5HdvbzkylXsgDw",
            "smartpi simulate --address 127.0.0.1:8765 --token",
        ] {
            assert!(typed(good).is_ok(), "{good}");
        }
        for bad in [
            "smartpi simulate --code C1GP-4RV4-CNK6-ET39",
            "smartpi simulate --token spd_x",
            "smartpi simulate --code C1GP-4RV4-CNK6-ET39 --address 127.0.0.1:1 --announce 127.0.0.1:1",
            "smartpi simulate --announce 127.0.0.1:1 --no-screen",
            "smartpi simulate --token spd_x --address 127.0.0.1:1 --count 2",
            "smartpi simulate --certificate qG5N-OMK5HdvbzkylXsgDw",
            // Each of these would have counted for nothing.
            "smartpi simulate --address 127.0.0.1:8765",
            "smartpi simulate http://127.0.0.1:1/b#1 --address 127.0.0.1:8765",
            "smartpi simulate --announce 127.0.0.1:1 --address 127.0.0.1:8765",
            "smartpi simulate --code C1GP-4RV4-CNK6-ET39 --address 127.0.0.1:1 --certificate qG5N-OMK5HdvbzkylXsgDw",
            "smartpi simulate --token spd_x --address 127.0.0.1:1 --kind phone",
            "smartpi simulate --token spd_x --address 127.0.0.1:1 --no-screen",
        ] {
            let refused = typed(bad).expect_err(bad).render().to_string();
            assert!(refused.contains("--"), "it names an option: {refused}");
        }
    }

    #[test]
    fn the_language_is_known_before_the_rest_is_read() {
        let of = |words: &str| language(&words.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("smartpi --nonsense --lang zh"), Language::Zh);
        assert_eq!(of("smartpi --lang=en serve"), Language::En);
    }

    #[test]
    fn wrong_numbers_are_refused() {
        assert!(typed("smartpi serve --answer-after 0").is_err());
        assert!(typed("smartpi serve --answer-after 601").is_err());
        assert!(typed("smartpi serve --answer-after 600").is_ok());
        assert!(typed("smartpi serve --port 65536").is_err());
        assert!(typed("smartpi simulate --count 0").is_err());
        assert!(typed("smartpi bind --address example.com").is_err());
    }
}
