<#
.SYNOPSIS
    Installs ollama-proxy as the Windows service OllamaMetricsProxy.
.DESCRIPTION
    Asks for administrator rights and runs "ollama-proxy install". That copies the program to Program Files, sets up the service (delayed start, restart after
    a failure) with records and logs in C:\ProgramData\OllamaProxy, and starts it. Running it again repairs or upgrades.
.PARAMETER Executable
    The program; by default ollama-proxy.exe in the folder of this script, or in its parent folder.
.PARAMETER TakeOver
    Switches off Ollama's own start at sign-in; Uninstall-Service.ps1 switches it on again.
.PARAMETER NoTakeOver
    Leaves Ollama's own start at sign-in unchanged.
.PARAMETER Account
    The account of the service; LocalSystem by default.
.PARAMETER Setting
    Settings of the service as NAME=value: -Setting PROXY_HOST=0.0.0.0,ANALYTICS_RETENTION_DAYS=30
.PARAMETER Unattended
    Asks no questions. An Ollama that starts at sign-in is then an error without -TakeOver or -NoTakeOver.
.PARAMETER DryRun
    Only prints the steps.
.EXAMPLE
    .\Install-Service.ps1 -TakeOver -Unattended -Setting PROXY_PORT=11434
#>
[CmdletBinding()]
param(
    [string] $Executable,
    [switch] $TakeOver,
    [switch] $NoTakeOver,
    [string] $Account,
    [string[]] $Setting = @(),
    [switch] $Unattended,
    [switch] $DryRun
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'ServiceScript.ps1')

if ($TakeOver -and $NoTakeOver) {
    throw '-TakeOver and -NoTakeOver cannot be combined.'
}

$arguments = @('install')
if ($TakeOver) { $arguments += '--take-over' }
if ($NoTakeOver) { $arguments += '--no-take-over' }
if ($Account) { $arguments += @('--account', $Account) }
if ($DryRun) { $arguments += '--dry-run' }
foreach ($pair in $Setting) {
    $name, $value = $pair -split '=', 2
    if ($null -eq $value -or $name -notmatch '^[A-Za-z_]+$') {
        throw "-Setting $pair is not NAME=value."
    }

    $arguments += @(('--' + $name.ToLowerInvariant().Replace('_', '-')), $value)
}

exit (Invoke-OllamaProxy -Executable $Executable -Arguments $arguments -Unattended:$Unattended -WithoutElevation:$DryRun)
