<#
.SYNOPSIS
    Installs ollama-proxy as the Windows service OllamaMetricsProxy.
.DESCRIPTION
    Asks for the rights of an administrator and runs "ollama-proxy install", which does the work: it copies the program to Program Files, sets the service up
    (delayed start, restarted when it fails), keeps records and logs in C:\ProgramData\OllamaProxy, and starts it. Running it again repairs or upgrades.
.PARAMETER Executable
    The program; by default ollama-proxy.exe beside this script, or in the folder one is in.
.PARAMETER TakeOver
    Switches Ollama's own start at sign-in off; Uninstall-Service.ps1 switches it on again.
.PARAMETER NoTakeOver
    Leaves Ollama's own start as it is.
.PARAMETER Account
    The account the service runs as; LocalSystem unless said otherwise.
.PARAMETER Setting
    Settings of the service as NAME=value: -Setting PROXY_HOST=0.0.0.0,ANALYTICS_RETENTION_DAYS=30
.PARAMETER Unattended
    Asks nothing. Without -TakeOver or -NoTakeOver an Ollama that starts by itself is then an error.
.PARAMETER DryRun
    Only says what would be done.
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
    throw 'Say either -TakeOver or -NoTakeOver.'
}

$arguments = @('install')
if ($TakeOver) { $arguments += '--take-over' }
if ($NoTakeOver) { $arguments += '--no-take-over' }
if ($Account) { $arguments += @('--account', $Account) }
if ($DryRun) { $arguments += '--dry-run' }
foreach ($pair in $Setting) {
    $name, $value = $pair -split '=', 2
    if ($null -eq $value -or $name -notmatch '^[A-Za-z_]+$') {
        throw "-Setting $pair is no NAME=value."
    }

    $arguments += @(('--' + $name.ToLowerInvariant().Replace('_', '-')), $value)
}

exit (Invoke-OllamaProxy -Executable $Executable -Arguments $arguments -Unattended:$Unattended -WithoutElevation:$DryRun)
