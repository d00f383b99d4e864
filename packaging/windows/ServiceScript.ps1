# What both service scripts do: find the program, become administrator, run it, and pass its exit code on.

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

    throw "There is no ollama-proxy.exe. Looked at: $($candidates -join ', '). Say where it is with -Executable."
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
        throw 'The rights of an administrator are needed, and nobody is here to give them: run this in a terminal that was opened as administrator.'
    }
    else {
        # A window of its own, which the person confirms.
        $process = Start-Process -FilePath $program -ArgumentList $line -Verb RunAs -Wait -PassThru
    }

    return $process.ExitCode
}
