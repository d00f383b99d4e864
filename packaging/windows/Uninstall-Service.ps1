<#
.SYNOPSIS
    Removes the Windows service OllamaMetricsProxy.
.DESCRIPTION
    Asks for administrator rights and runs "ollama-proxy uninstall". That stops the service after running requests have finished, ends its Ollama, removes
    service and program, and restores Ollama's own start. Records and logs stay without -RemoveData. It does nothing if the service is not installed.
.PARAMETER Executable
    The program; by default ollama-proxy.exe in the folder of this script, or in its parent folder.
.PARAMETER RemoveData
    Also removes C:\ProgramData\OllamaProxy: records, settings, logs.
.PARAMETER Unattended
    Asks no questions.
.PARAMETER DryRun
    Only prints the steps.
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
