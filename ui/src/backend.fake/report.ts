/** What `smartpi report` says on a quiet day. */
export const SAMPLE_REPORT = `SmartPi 0.2.0 report, 2026-11-21T09:05:07Z
system: linux x86_64

service: running since 2026-11-21T05:04:11Z, port 8765
version: 0.2.0, desktop true, tray Some(true), starts at login Some(true)
network: allowed
  192.168.1.20 (network, reached by another machine)
  127.0.0.1 (this computer)
assistant: gateway, online since 2026-11-21T05:14:02Z, plugin 0.2.0, gateway 2026.9.6
devices: 4 bound, 3 online, 0 waiting for a yes
  device 1: speaker, online, seen 2026-11-21T09:04:55Z, 0 replies wait
  device 2: phone, online, seen 2026-11-21T09:04:55Z, 0 replies wait
  device 3: board, unsure, seen 2026-11-21T09:04:07Z, 0 replies wait
  device 4: script, offline, seen 2026-11-20T14:05:07Z, 3 replies wait
keys for OpenClaw: keyring
OpenClaw: online since 2026-11-21T05:14:02Z, ws://127.0.0.1:18789/, version 2026.9.6
from a device to a model, looked 2026-11-21T09:04:40Z:
  service: works, 2026-11-21T05:04:11Z
  plugin: works, 2026-11-21T05:14:02Z, 0.2.0
  gateway: works, 2026-11-21T05:14:02Z, ws://127.0.0.1:18789/
  pairing: works, 2026-11-21T05:14:02Z
  agent: works, 2026-11-21T09:04:40Z
  model: works, 2026-11-21T08:40:13Z, anthropic/claude-sonnet
findings: 0
repairs: 1
  deviceTokenStale, 2026-11-20T14:02:10Z, {"kind":"verified"}
    forgetDeviceToken: done
    connectWithSharedToken: done

settings: port 8765, words kept 30 days, told after 30 s, stopped false, 1 networks decided, 1 devices muted
saved data: 147456 bytes, log beside it 32992 bytes
backups: 2
  1: 2026-11-21T05:04:12Z
  2: 2026-11-20T05:02:44Z

last lines of the log:
  2026-11-21T05:04:11.120Z INFO desk::running started port=8765
  2026-11-21T05:14:02.400Z INFO channel::hub::link the plugin is linked plugin="0.2.0" host="2026.9.6" generation=1
  2026-11-21T08:12:33.871Z INFO channel::hub::presence device connected
`;
