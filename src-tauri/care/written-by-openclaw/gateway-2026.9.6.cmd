@echo off
rem OpenClaw Gateway
set "HOME=C:\Users\小李 & co"
set "TMPDIR=/tmp"
set "NODE_OPTIONS="
set "OPENCLAW_GATEWAY_PORT=18789"
set "OPENCLAW_SYSTEMD_UNIT=openclaw-gateway.service"
set "OPENCLAW_WINDOWS_TASK_NAME=OpenClaw Gateway"
set "OPENCLAW_SERVICE_MARKER=openclaw"
set "OPENCLAW_SERVICE_KIND=gateway"
set "OPENCLAW_GATEWAY_TOKEN=100%% ^"real^"^!"
"C:\Program Files\nodejs\node.exe" "C:\Users\小李 & co\AppData\Roaming\npm\node_modules\openclaw\dist\index.js" gateway --port 18789 --task-supervisor < NUL
