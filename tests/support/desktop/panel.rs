//! The tray of a real desktop: xfce4-panel with its systray plugin.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use zbus::blocking::fdo;

use super::{Activated, Desktop, LIMIT};
use crate::process::Group;
use crate::wait;

/// One bar at the top of the screen, dark as Xfce delivers it, with a systray at its left end. Ends on drop.
#[derive(Debug)]
pub struct Panel {
    _panel: Group,
}

/// xfce4-panel keeps its settings in a daemon that the bus starts.
pub(super) fn services() -> Option<Activated<'static>> {
    let daemon = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/libexec", "/usr/lib"]
        .map(|folder| format!("{folder}/xfce4/xfconf/xfconfd"));
    let daemon = daemon.into_iter().find(|daemon| Path::new(daemon).exists());
    daemon.map(|exec| Activated { name: "org.xfce.Xfconf", exec })
}

impl Panel {
    /// Height of the bar in pixels.
    pub const HEIGHT: u32 = 32;

    /// Puts the panel on the screen.
    ///
    /// # Errors
    /// It is not installed, or owns no tray within 30 s.
    pub fn start(desktop: &Desktop<'_>) -> Result<Self> {
        ensure!(
            services().is_some(),
            "xfconfd is not installed (Debian package xfconf). This story needs the real one."
        );
        let folder = desktop.config().join("xfce4/xfconf/xfce-perchannel-xml");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("xfce4-panel.xml"), Self::configuration(false))?;
        let mut command = desktop.command("xfce4-panel", "xfce4-panel")?;
        let mut panel = desktop.spawn("xfce4-panel", command.args(["--disable-wm-check", "--sm-client-disable"]))?;
        let connection = desktop.bus().connect()?;
        let bus = fdo::DBusProxy::new(&connection)?;
        wait::until(LIMIT, "a panel with a tray", || {
            ensure!(panel.ended()?.is_none(), "xfce4-panel ended:\n{}", desktop.log("xfce4-panel"));
            Ok(bus.name_has_owner("org.kde.StatusNotifierWatcher".try_into()?)?)
        })?;
        Ok(Self { _panel: panel })
    }

    /// Cuts the panel out of a picture of the screen: rows of grey values, 0 to 255.
    ///
    /// # Errors
    /// A picture that is none.
    pub fn cut(picture: &Path) -> Result<image::GrayImage> {
        let screen = image::open(picture).with_context(|| format!("{} is no picture", picture.display()))?;
        Ok(screen.crop_imm(0, 0, screen.width(), Self::HEIGHT).into_luma8())
    }

    /// What Xfce reads of its panel before it starts; a menu of applications comes first.
    #[must_use]
    pub fn configuration(menu: bool) -> String {
        let height = Self::HEIGHT;
        let (first, menu) = if menu {
            (
                r#"<value type="int" value="2"/>"#,
                r#"<property name="plugin-2" type="string" value="applicationsmenu"/>"#,
            )
        } else {
            ("", "")
        };
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="true"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="{height}"/>
      <property name="icon-size" type="uint" value="24"/>
      <property name="plugin-ids" type="array">
        {first}
        <value type="int" value="1"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    {menu}
    <property name="plugin-1" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="menu-is-primary" type="bool" value="true"/>
    </property>
  </property>
</channel>
"#
        )
    }
}
