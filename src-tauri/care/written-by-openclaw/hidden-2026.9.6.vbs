' OpenClaw Gateway
Set shell = CreateObject("WScript.Shell")
shell.Environment("Process")("OPENCLAW_WINDOWS_TASK_HIDDEN_LAUNCHER") = "wscript"
WScript.Quit shell.Run("""C:\Users\小李 & co\.openclaw\gateway.cmd""", 0, True)
