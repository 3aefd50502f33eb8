@echo off
rem OpenClaw Gateway
start "" /min C:\Windows\System32\cmd.exe /d /c "C:\Users\小李 & co\.openclaw\gateway.cmd"
