@echo off
rem Starts Install-Service.ps1, which asks for administrator rights, with the same options.
setlocal
powershell.exe -NoProfile -ExecutionPolicy Bypass -File "%~dp0Install-Service.ps1" %*
set "code=%ERRORLEVEL%"
if not "%code%"=="0" echo Not installed (exit code %code%).
exit /b %code%
