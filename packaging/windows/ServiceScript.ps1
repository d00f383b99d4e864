# Shared by both service scripts: find the program, ask for administrator rights, run it, and return its exit code.

function Find-OllamaProxy {
    param([string] $Executable)

    $candidates = if ($Executable) { @($Executable) } else {
        @($PSScriptRoot, (Split-Path $PSScriptRoot -Parent), (Join-Path $env:ProgramFiles 'OllamaProxy')) | ForEach-Object { Join-Path $_ 'ollama-proxy.exe' }
    }
    foreach ($candidate in $candidates) {
        if (Test-Path -LiteralPath $candidate -PathType Leaf) {
            return (Resolve-Path -LiteralPath $candidate).ProviderPath
        }
    }

    throw "ollama-proxy.exe was not found at: $($candidates -join ', '). Set its path with -Executable."
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    return ([Security.Principal.WindowsPrincipal] $identity).IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# One argument as Windows programs read their command line (the rules of CommandLineToArgvW).
function ConvertTo-Argument {
    param([string] $Value)

    if ($Value -ne '' -and $Value -notmatch '[\s"]') {
        return $Value
    }

    return '"' + (($Value -replace '(\\*)"', '$1$1\"') -replace '(\\+)$', '$1$1') + '"'
}

function Invoke-OllamaProxy {
    param(
        [string] $Executable,
        [string[]] $Arguments,
        [switch] $Unattended,
        [switch] $WithoutElevation
    )

    $program = Find-OllamaProxy -Executable $Executable
    $line = ($Arguments | ForEach-Object { ConvertTo-Argument -Value $_ }) -join ' '
    if ($WithoutElevation -or (Test-Administrator)) {
        $process = Start-Process -FilePath $program -ArgumentList $line -NoNewWindow -Wait -PassThru
    }
    elseif ($Unattended) {
        throw 'This needs administrator rights: run it in a terminal opened as administrator.'
    }
    else {
        # Opens its own window, which the user confirms.
        $process = Start-Process -FilePath $program -ArgumentList $line -Verb RunAs -Wait -PassThru
    }

    return $process.ExitCode
}
