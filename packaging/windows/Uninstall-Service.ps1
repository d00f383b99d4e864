<#
.SYNOPSIS
    Removes the Windows service OllamaMetricsProxy.
.DESCRIPTION
    Asks for the rights of an administrator and runs "ollama-proxy uninstall": the service is stopped (running requests are finished first, then Ollama is ended) and
    removed, Ollama's own start is put back, the program is removed. Records and logs stay unless -RemoveData is said. Nothing happens when it is not installed.
.PARAMETER Executable
    The program; by default ollama-proxy.exe beside this script, or in the folder one is in.
.PARAMETER RemoveData
    Removes C:\ProgramData\OllamaProxy too: records, settings, logs.
.PARAMETER Unattended
    Asks nothing.
.PARAMETER DryRun
    Only says what would be done.
#>
[CmdletBinding()]
param(
    [string] $Executable,
    [switch] $RemoveData,
    [switch] $Unattended,
    [switch] $DryRun
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'ServiceScript.ps1')

$arguments = @('uninstall')
if ($RemoveData) { $arguments += '--remove-data' }
if ($DryRun) { $arguments += '--dry-run' }

exit (Invoke-OllamaProxy -Executable $Executable -Arguments $arguments -Unattended:$Unattended -WithoutElevation:$DryRun)
