"""A stand-in for a tray application: an icon, a menu whose lines change when they are clicked."""

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("AyatanaAppIndicator3", "0.1")
from gi.repository import AyatanaAppIndicator3 as Indicator, Gtk

indicator = Indicator.Indicator.new("stand-in", "dialog-information", Indicator.IndicatorCategory.APPLICATION_STATUS)
indicator.set_status(Indicator.IndicatorStatus.ACTIVE)
indicator.set_title("Stand-in")

menu, more = Gtk.Menu(), Gtk.Menu()
state = Gtk.MenuItem.new_with_label("stopped")
state.set_sensitive(False)
start = Gtk.MenuItem.new_with_label("Start")
start.connect("activate", lambda _: state.set_label("running"))
mute = Gtk.CheckMenuItem.new_with_label("Mute")
more.append(mute)
devices = Gtk.MenuItem.new_with_label("Devices (1)")
devices.set_submenu(more)
leave = Gtk.MenuItem.new_with_mnemonic("_Quit")
leave.connect("activate", Gtk.main_quit)
for item in (state, Gtk.SeparatorMenuItem(), start, devices, leave):
    menu.append(item)
menu.show_all()
indicator.set_menu(menu)
Gtk.main()
