//! A real application in a folder of its own, with a desktop that writes down what it is asked.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use channel::service::{Agent, Timing};
use device::{BindingUrl, Claim, Confirm, Connection, Identity, Keep, Kind};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::control::answer::{BindConfirmed, BindStarted, Nothing};
use crate::control::client::{Client, Watch};
use crate::control::request::Request;
use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::notices::Announcement;
use crate::page::Page;
use crate::running::{Lan, LogTo, Options, Running};
use crate::settings::Settings;
use crate::shell::Shell;
use crate::tray_menu::TrayMenu;
use crate::view::View;

pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// What a desktop was asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    Tray(TrayMenu),
    Notify(Announcement),
    Window(Page),
    Url(String),
    Autostart(bool),
    Quit,
}

/// A desktop that writes down.
pub(super) struct Paper {
    asked: mpsc::Sender<Asked>,
    autostart: Arc<Mutex<bool>>,
}

impl Paper {
    fn write(&self, asked: Asked) {
        // A test that has seen enough is not asked.
        let _ = self.asked.send(asked);
    }
}

impl Shell for Paper {
    fn show_tray(&mut self, menu: &TrayMenu) {
        self.write(Asked::Tray(menu.clone()));
    }
    fn notify(&mut self, announcement: &Announcement) {
        self.write(Asked::Notify(announcement.clone()));
    }
    fn open_window(&mut self, page: &Page) -> Result<(), Failure> {
        self.write(Asked::Window(page.clone()));
        Ok(())
    }
    fn open_url(&mut self, url: &str) {
        self.write(Asked::Url(url.to_owned()));
    }
    fn autostart(&self) -> Option<bool> {
        Some(*self.autostart.lock().unwrap())
    }
    fn set_autostart(&mut self, on: bool) -> Result<(), Failure> {
        *self.autostart.lock().unwrap() = on;
        self.write(Asked::Autostart(on));
        Ok(())
    }
    fn quit(&mut self) {
        self.write(Asked::Quit);
    }
}

/// The application, and what its desktop was asked.
pub(super) struct App {
    pub(super) running: Option<Running>,
    pub(super) folders: Folders,
    asked: mpsc::Receiver<Asked>,
}

pub(super) fn options(folder: &Path) -> Options {
    Options {
        port: Some(0),
        agent: Some(Agent::Echo),
        log: LogTo::Nowhere,
        lan: Lan::NotNow,
        name: Some("测试".into()),
        timing: Some(Timing::default()),
        honour_intent: true,
        keyring: false,
        ..Options::new(Folders::under(folder))
    }
}

impl App {
    pub(super) fn start(folder: &Path) -> Self {
        Self::start_with(options(folder))
    }

    pub(super) fn start_with(options: Options) -> Self {
        let (asked, heard) = mpsc::channel();
        let folders = options.folders.clone();
        let shell = Paper { asked, autostart: Arc::default() };
        let running = Running::start(options, shell).expect("it starts");
        Self { running: Some(running), folders, asked: heard }
    }

    pub(super) fn running(&self) -> &Running {
        self.running.as_ref().expect("it was not stopped")
    }

    pub(super) fn stop(mut self) {
        drop(self.running.take());
    }

    /// The next thing that the desktop is asked of this kind.
    pub(super) fn until<T>(&self, pick: impl Fn(Asked) -> Option<T>) -> T {
        let end = std::time::Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(std::time::Instant::now());
            let asked = self.asked.recv_timeout(left).expect("the desktop is asked in time");
            if let Some(found) = pick(asked) {
                return found;
            }
        }
    }

    /// What the desktop was asked already.
    pub(super) fn try_next(&self) -> Result<Asked, mpsc::TryRecvError> {
        self.asked.try_recv()
    }

    pub(super) async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, Failure> {
        ask(&self.folders, request).await
    }

    pub(super) async fn done(&self, request: Request) {
        let _: Nothing = self.ask(request.clone()).await.unwrap_or_else(|failure| panic!("{request:?}: {failure}"));
    }

    pub(super) async fn refused(&self, request: Request) -> FailureCode {
        self.ask::<serde_json::Value>(request).await.expect_err("a failure").code
    }

    pub(super) async fn watch(&self) -> Shown {
        let client = Client::connect(&self.folders).await.unwrap();
        Shown(client.watch(&Request::ViewWatch {}).await.unwrap())
    }

    /// One view as it is now.
    pub(super) async fn view(&self) -> View {
        self.watch().await.next().await
    }

    pub(super) fn settings(&self) -> Settings {
        Settings::load(&self.folders.settings_file()).unwrap()
    }

    pub(super) async fn bind(&self, name: &str) -> (Connection, Identity) {
        bind(&self.folders, name).await
    }

    pub(super) fn port(&self) -> u16 {
        crate::service_file::ServiceFile::read(&self.folders.service_file()).unwrap().expect("service.json").port
    }
}

/// The stream of views.
pub(super) struct Shown(Watch<View>);

impl Shown {
    pub(super) async fn next(&mut self) -> View {
        timeout(LIMIT, self.0.next()).await.expect("a view in time").unwrap().expect("a stream without end")
    }

    /// The first view, from the next one on, that is so.
    pub(super) async fn until(&mut self, is_so: impl Fn(&View) -> bool) -> View {
        let found = async {
            loop {
                let view = self.0.next().await.unwrap().expect("a stream without end");
                if is_so(&view) {
                    return view;
                }
            }
        };
        timeout(LIMIT, found).await.expect("a view in time")
    }
}

/// Whether anybody accepts connections there.
pub(super) fn accepts(port: u16) -> bool {
    TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok()
}

async fn ask<T: DeserializeOwned>(folders: &Folders, request: Request) -> Result<T, Failure> {
    Client::connect(folders).await?.ask(&request).await
}

/// Binds a device: scanned, shown, typed.
pub(super) async fn bind(folders: &Folders, name: &str) -> (Connection, Identity) {
    let started: BindStarted = ask(folders, Request::BindStart { address: None }).await.unwrap();
    let url = BindingUrl::parse(&started.url).unwrap();
    let claim = Claim { name: name.into(), kind: Kind::Phone, confirm: Confirm::Code };
    let mut keep = Keep::in_memory(Identity::random().unwrap());
    let (shown, typed) = tokio::sync::oneshot::channel();
    let device = device::bind(&url, &mut keep, &claim, |digits| drop(shown.send(digits.to_owned())));
    let person = async {
        let code = typed.await.unwrap();
        loop {
            let confirm = Request::BindConfirm { bind: started.bind.clone(), code: code.clone() };
            match ask::<BindConfirmed>(folders, confirm).await {
                // `bind_shown` is on its way.
                Err(failure) if failure.code == FailureCode::NotConfirming => tokio::task::yield_now().await,
                confirmed => return confirmed.unwrap(),
            }
        }
    };
    let (greeted, _) = timeout(LIMIT, async { tokio::join!(device, person) }).await.expect("bound in time");
    let connection = greeted.unwrap().authenticate(&keep.identity, LIMIT).await.unwrap();
    (connection, keep.identity)
}
