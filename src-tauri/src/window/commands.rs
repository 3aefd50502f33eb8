//! What the page may ask: each is one request of docs/CONTROL.md, or opens something that is ours.

use std::net::IpAddr;
use std::path::PathBuf;

use desk::control::answer::{
    Accounts, AccountsAct, AddressReach, BindConfirmed, BindStarted, DeviceStatus, GatewayCleared, GatewayDevices,
    Nothing, PluginRemoved, ReleasePackage, RemovalPlan, Removed, Report, ScriptAdded, Sent, SetupLook, SpeaksFirst,
    Status, Turns,
};
use desk::control::client::Client;
use desk::control::request::{Request, SettingsChange};
use desk::failure::{Failure, FailureCode};
use desk::plugin::Installed;
use desk::qr::Qr;
use desk::release::{self, PackageAct};
use desk::report;
use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;
use tauri::{AppHandle, Manager, State, WebviewWindow};

use super::events::{self, BindChanged};
use super::link::{Attended, Owner};
use smartpi_tray::open;

pub(super) mod care;
pub(super) mod entries;
pub(super) mod routing;
pub(super) mod supervision;
pub(super) mod target;

type Answer<T> = Result<T, Failure>;

/// A new binding code.
#[derive(Clone, Debug, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BindShown {
    /// Its handle.
    bind: String,
    /// What the QR code says. Holds the secret: show it, never log it.
    url: String,
    /// The same code for a device without a camera: 16 characters, typed there with the address.
    typed_code: String,
    /// When it dies, ms since 1970.
    #[specta(type = Number)]
    expires_ms: i64,
    /// From where it can be scanned.
    reach: AddressReach,
    /// The QR code with its quiet zone, a whole SVG document: black on white.
    svg: String,
}

/// A point in time, ms since 1970.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub(crate) struct Moment(#[specta(type = Number)] i64);

/// A folder of SmartPi's.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Folder {
    /// Store, keys.
    Data,
    /// The log files.
    Logs,
    /// Where reports are saved.
    Reports,
}

/// What to show now. Call it after listening to the events; what comes later comes as an event.
#[tauri::command]
#[specta::specta]
pub(crate) fn attend(owner: State<'_, Owner>) -> Attended {
    owner.attended()
}

/// The page has painted: show the window.
#[tauri::command]
#[specta::specta]
pub(crate) fn painted(window: WebviewWindow) {
    super::frame::present(&window);
}

/// Starts the service and remembers it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn start_service(owner: State<'_, Owner>) -> Answer<Nothing> {
    owner.ask(Request::ServiceStart {}).await
}

/// Stops the service and remembers it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn stop_service(owner: State<'_, Owner>) -> Answer<Nothing> {
    owner.ask(Request::ServiceStop {}).await
}

/// May devices of this network connect?
#[tauri::command]
#[specta::specta]
pub(crate) async fn allow_network(owner: State<'_, Owner>, allow: bool) -> Answer<Nothing> {
    owner.ask(Request::NetworkAllow { allow }).await
}

/// Makes a binding code for an address of `view.network.addresses`; null: the best.
#[tauri::command]
#[specta::specta]
pub(crate) async fn start_bind(owner: State<'_, Owner>, address: Option<String>) -> Answer<BindShown> {
    let address = address.map(|address| address.parse::<IpAddr>()).transpose();
    let address = address.map_err(|error| Failure::caused(FailureCode::BadRequest, &error))?;
    let BindStarted { bind, url, typed_code, expires_ms, reach } = owner.ask(Request::BindStart { address }).await?;
    let svg = Qr::of(&url)?.to_svg();
    Ok(BindShown { bind, url, typed_code, expires_ms, reach, svg })
}

/// Sends `BindChanged` for every step of a code, the present one first. Answers when nothing can follow.
#[tauri::command]
#[specta::specta]
pub(crate) async fn watch_bind(app: AppHandle, owner: State<'_, Owner>, bind: String) -> Answer<()> {
    let mut watch = Client::connect(owner.folders()).await?.watch_bind(&bind).await?;
    while let Some(event) = watch.next().await? {
        let told = events::tell(&app, &BindChanged { bind: bind.clone(), event });
        told.map_err(|error| Failure::caused(FailureCode::Internal, &error))?;
    }
    Ok(())
}

/// Approves the device that shows its digits. Only for what the person typed or clicked.
#[tauri::command]
#[specta::specta]
pub(crate) async fn confirm_bind(owner: State<'_, Owner>, bind: String, code: String) -> Answer<BindConfirmed> {
    owner.ask(Request::BindConfirm { bind, code }).await
}

/// Refuses a device.
#[tauri::command]
#[specta::specta]
pub(crate) async fn reject_bind(owner: State<'_, Owner>, bind: String) -> Answer<Nothing> {
    owner.ask(Request::BindReject { bind }).await
}

/// Gives a device a new name.
#[tauri::command]
#[specta::specta]
pub(crate) async fn rename_device(owner: State<'_, Owner>, device_key: String, name: String) -> Answer<Nothing> {
    owner.ask(Request::DevicesRename { device_key, name }).await
}

/// Removes a device.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_device(owner: State<'_, Owner>, device_key: String) -> Answer<Removed> {
    owner.ask(Request::DevicesRemove { device_key }).await
}

/// Does not tell a device's coming and going, or does.
#[tauri::command]
#[specta::specta]
pub(crate) async fn mute_device(owner: State<'_, Owner>, device_key: String, muted: bool) -> Answer<Nothing> {
    owner.ask(Request::DevicesMute { device_key, muted }).await
}

/// Chooses who may speak to a device without being asked.
#[tauri::command]
#[specta::specta]
pub(crate) async fn speaks_first(owner: State<'_, Owner>, device_key: String, who: SpeaksFirst) -> Answer<Nothing> {
    owner.ask(Request::DevicesSpeaksFirst { device_key, who }).await
}

/// Sends a device a short test message.
#[tauri::command]
#[specta::specta]
pub(crate) async fn test_device(owner: State<'_, Owner>, device_key: String) -> Answer<Sent> {
    owner.ask(Request::DevicesTest { device_key }).await
}

/// Makes a device for a script, and its token. Only for a click of the person, who sees the token once.
#[tauri::command]
#[specta::specta]
pub(crate) async fn add_script(owner: State<'_, Owner>, name: String) -> Answer<ScriptAdded> {
    owner.ask(Request::DevicesAddScript { name }).await
}

/// A device and its newest turns.
#[tauri::command]
#[specta::specta]
pub(crate) async fn device_status(owner: State<'_, Owner>, device_key: String) -> Answer<DeviceStatus> {
    owner.ask(Request::DevicesStatus { device_key }).await
}

/// What devices said and what came back: of one device or all, received before a time, at most `limit`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn turns(
    owner: State<'_, Owner>,
    device_key: Option<String>,
    before_ms: Option<Moment>,
    limit: Option<u32>,
) -> Answer<Turns> {
    owner.ask(Request::ActivityTurns { device_key, before_ms: before_ms.map(|at| at.0), limit }).await
}

/// Changes what the person chose.
#[tauri::command]
#[specta::specta]
pub(crate) async fn change_settings(owner: State<'_, Owner>, change: SettingsChange) -> Answer<Nothing> {
    owner.ask(Request::SettingsChange(Box::new(change))).await
}

/// Which OpenClaw is there, and what installing the plugin would change.
#[tauri::command]
#[specta::specta]
pub(crate) async fn look_for_openclaw(owner: State<'_, Owner>) -> Answer<SetupLook> {
    owner.ask(Request::SetupLook {}).await
}

/// Installs the plugin into one of them, as its plan said.
#[tauri::command]
#[specta::specta]
pub(crate) async fn install_plugin(owner: State<'_, Owner>, command: String) -> Answer<Installed> {
    owner.ask(Request::SetupInstall { command }).await
}

/// What removing the plugin would change.
#[tauri::command]
#[specta::specta]
pub(crate) async fn preview_removal(owner: State<'_, Owner>) -> Answer<RemovalPlan> {
    owner.ask(Request::SetupRemoval {}).await
}

/// Removes the plugin, as it was shown. Only for a click of the person.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_plugin(owner: State<'_, Owner>, shown: String) -> Answer<PluginRemoved> {
    owner.ask(Request::SetupRemove { shown }).await
}

/// Asks the command of another vendor's plugin about its devices. Binding and removing only for a click of the person.
#[tauri::command]
#[specta::specta]
pub(crate) async fn ask_accounts(owner: State<'_, Owner>, act: AccountsAct) -> Answer<Accounts> {
    owner.ask(Request::PluginAccounts(act)).await
}

/// Be a device of the OpenClaw gateway, or not any more.
#[tauri::command]
#[specta::specta]
pub(crate) async fn connect_gateway(owner: State<'_, Owner>, on: bool) -> Answer<Nothing> {
    owner.ask(Request::GatewayConnect { on }).await
}

/// Which devices the gateway knows, and who asks.
#[tauri::command]
#[specta::specta]
pub(crate) async fn gateway_devices(owner: State<'_, Owner>) -> Answer<GatewayDevices> {
    owner.ask(Request::GatewayDevices {}).await
}

/// Lets a device into the gateway, or gives it what it asks for.
#[tauri::command]
#[specta::specta]
pub(crate) async fn approve_pairing(owner: State<'_, Owner>, request_id: String) -> Answer<Nothing> {
    owner.ask(Request::GatewayApprove { request_id }).await
}

/// Turns a device of the gateway away.
#[tauri::command]
#[specta::specta]
pub(crate) async fn reject_pairing(owner: State<'_, Owner>, request_id: String) -> Answer<Nothing> {
    owner.ask(Request::GatewayReject { request_id }).await
}

/// Makes the gateway forget a device.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_gateway_device(owner: State<'_, Owner>, device_id: String) -> Answer<Nothing> {
    owner.ask(Request::GatewayRemove { device_id }).await
}

/// What the person calls a device of the gateway.
#[tauri::command]
#[specta::specta]
pub(crate) async fn rename_gateway_device(owner: State<'_, Owner>, device_id: String, name: String) -> Answer<Nothing> {
    owner.ask(Request::GatewayRename { device_id, name }).await
}

/// Makes a token of a device of the gateway anew.
#[tauri::command]
#[specta::specta]
pub(crate) async fn rotate_token(owner: State<'_, Owner>, device_id: String, role: String) -> Answer<Nothing> {
    owner.ask(Request::GatewayRotate { device_id, role }).await
}

/// Ends a token of a device of the gateway.
#[tauri::command]
#[specta::specta]
pub(crate) async fn revoke_token(owner: State<'_, Owner>, device_id: String, role: String) -> Answer<Nothing> {
    owner.ask(Request::GatewayRevoke { device_id, role }).await
}

/// Turns everybody away who asks the gateway; removes its devices too where that is said.
#[tauri::command]
#[specta::specta]
pub(crate) async fn clear_gateway(owner: State<'_, Owner>, devices: bool) -> Answer<GatewayCleared> {
    owner.ask(Request::GatewayClear { devices }).await
}

/// Makes a report for support, to be read before it is saved or copied; also where SmartPi does not run.
#[tauri::command]
#[specta::specta]
pub(crate) async fn make_report(owner: State<'_, Owner>) -> Answer<Report> {
    let report = match owner.ask::<Report>(Request::ReportMake {}).await {
        Err(failure) if failure.code == FailureCode::NotRunning => owner.report_of_nobody().await?,
        answered => answered?,
    };
    owner.keep_report(report.text.clone());
    Ok(report)
}

/// Saves the report that was made last, and no other text; gives the new file.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_report(app: AppHandle, owner: State<'_, Owner>) -> Answer<String> {
    let text = owner.report().ok_or_else(|| Failure::bare(FailureCode::BadRequest))?;
    let file = report::save_in(&reports(&app)?, &text)?;
    Ok(file.display().to_string())
}

/// Opens a folder in the file manager.
#[tauri::command]
#[specta::specta]
pub(crate) fn open_folder(app: AppHandle, owner: State<'_, Owner>, folder: Folder) -> Answer<()> {
    match folder {
        Folder::Data => open::folder(&owner.folders().data),
        Folder::Logs => open::folder(&owner.folders().logs),
        Folder::Reports => open::folder(&reports(&app)?),
    }
}

/// The person's folder for downloads; their home where there is none.
fn reports(app: &AppHandle) -> Answer<PathBuf> {
    let downloads = app.path().download_dir().ok().filter(|folder| folder.is_dir());
    let home = || app.path().home_dir().map_err(|error| Failure::caused(FailureCode::NoHome, &error));
    downloads.map_or_else(home, Ok)
}

/// Opens the phone page in this computer's browser.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_phone_page(owner: State<'_, Owner>) -> Answer<()> {
    let status: Status = owner.ask(Request::Status {}).await?;
    let mut addresses = status.addresses.iter();
    let here = addresses.find(|address| address.reach == AddressReach::Computer);
    open::page(&here.ok_or_else(|| Failure::bare(FailureCode::NoAddress))?.url)
}

/// Fetches the package of a newer release, or does no more.
#[tauri::command]
#[specta::specta]
pub(crate) async fn fetch_release(owner: State<'_, Owner>, on: bool) -> Answer<Nothing> {
    owner.ask(Request::ReleasePackage { act: if on { PackageAct::Fetch } else { PackageAct::Cancel } }).await
}

/// Opens the package of a newer release, once more found to be what was signed: the system installs it. `folder`: shows where it lies.
#[tauri::command]
#[specta::specta]
pub(crate) async fn install_release(owner: State<'_, Owner>, folder: bool) -> Answer<()> {
    let package: ReleasePackage = owner.ask(Request::ReleasePackage { act: PackageAct::Check }).await?;
    let path = PathBuf::from(package.path);
    if folder { open::folder(path.parent().unwrap_or(&path)) } else { open::package(&path) }
}

/// Opens the page of a release in this computer's browser: a person downloads it there.
#[tauri::command]
#[specta::specta]
pub(crate) fn open_release(version: String) -> Answer<()> {
    open::page(&release::page(&version)?)
}

/// Starts SmartPi where it is not running. A `ViewChanged` follows, or an `OwnerLost`.
#[tauri::command]
#[specta::specta]
pub(crate) fn retry_owner(owner: State<'_, Owner>) {
    owner.retry();
}

/// Ends SmartPi.
#[tauri::command]
#[specta::specta]
pub(crate) async fn quit(owner: State<'_, Owner>) -> Answer<Nothing> {
    owner.ask(Request::Quit {}).await
}
