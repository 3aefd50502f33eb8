//! Whole stories.

mod attack;
mod backup;
mod bind_and_talk;
mod config_guard;
mod crowd;
mod decoys;
mod desktop;
mod disk_faults;
mod gateway_link;
mod hostile_pages;
mod kill_nine;
mod make_run;
mod native_devices;
mod phone_page;
mod random_faults;
mod real_openclaw;
mod refused_push;
mod reports;
mod stale_tokens;
mod tidy;
mod two_plugins;
mod whose_gateway;
