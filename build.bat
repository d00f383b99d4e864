@echo off
rem The verbs of build.sh for Windows: build.bat help
setlocal EnableExtensions
cd /d "%~dp0"
set DOTNET_CLI_TELEMETRY_OPTOUT=1
set DOTNET_NOLOGO=1
set DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
set CONFIGURATION=Release
set RESULTS=artifacts\test-results

set VERB=%~1
if "%VERB%"=="" set VERB=help
if "%VERB%"=="--help" set VERB=help
if "%VERB%"=="-h" set VERB=help
set ARGUMENTS=
:collect
shift
if "%~1"=="" goto collected
set ARGUMENTS=%ARGUMENTS% %1
goto collect
:collected
for %%v in (build run demo test publish bench help) do if "%VERB%"=="%%v" goto %%v
echo build.bat: there is no verb "%VERB%" 1>&2
call :usage 1>&2
exit /b 2

:help
call :usage
exit /b 0

:build
call :compile
exit /b %ERRORLEVEL%

:run
call :compile || exit /b 1
dotnet src\OllamaProxy.Host\bin\%CONFIGURATION%\net10.0\ollama-proxy.dll serve%ARGUMENTS%
exit /b %ERRORLEVEL%

:demo
call :compile || exit /b 1
dotnet src\OllamaProxy.Host\bin\%CONFIGURATION%\net10.0\ollama-proxy.dll demo%ARGUMENTS%
exit /b %ERRORLEVEL%

rem The tests start what was compiled, not a published file as build.sh does: here SQLite lies beside that.
:test
for %%a in (%ARGUMENTS%) do if "%%a"=="--slow" set RUN_SLOW_TESTS=1
call :compile || exit /b 1
where npm >nul 2>nul || (echo build.bat: Node.js is missing: https://nodejs.org, 20.19 or newer 1>&2& exit /b 1)
node -e "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)" || (echo build.bat: the JavaScript clients need Node.js 20 or newer: https://nodejs.org 1>&2& exit /b 1)
call npm ci --prefix tests\clients --ignore-scripts --no-audit --no-fund --loglevel=error || exit /b 1
set OLLAMA_PROXY_UNDER_TEST=
if exist "%RESULTS%" rmdir /s /q "%RESULTS%"
mkdir "%RESULTS%"
set FAILED=0
call npm test --prefix src\OllamaProxy.Host\Dashboard\web || set FAILED=1
for /d %%d in (tests\*Tests) do for %%p in (%%d\*Tests.csproj) do call :runtests "%%d" "%%~np"
rem Adds up the counters of the result files; the last line is for people and machines alike.
powershell -NoProfile -Command "$passed = $failed = $total = 0; foreach ($file in Get-ChildItem '%RESULTS%\*.trx') { $c = ([xml](Get-Content -Raw $file.FullName)).TestRun.ResultSummary.Counters; $passed += [int]$c.passed; $failed += [int]$c.failed; $total += [int]$c.total }; Write-Output ('{0} passed, {1} failed, {2} skipped' -f $passed, $failed, ($total - $passed - $failed)); if ($failed -gt 0 -or $passed -eq 0) { exit 1 }" || exit /b 1
exit /b %FAILED%

:publish
call :dotnet || exit /b 1
set RID=win-x64
if /i "%PROCESSOR_ARCHITECTURE%"=="ARM64" set RID=win-arm64
if exist "artifacts\publish\%RID%" rmdir /s /q "artifacts\publish\%RID%"
dotnet publish src\OllamaProxy.Host -c %CONFIGURATION% -r %RID% -o artifacts\publish\%RID% -v quiet -clp:NoSummary || exit /b 1
echo artifacts\publish\%RID%\ollama-proxy.exe
if exist "artifacts\publish\%RID%\e_sqlite3.dll" echo SQLite lies beside it as e_sqlite3.dll and goes where it goes; eng/sqlite.sh win-x64, in Git's bash and with LLVM, links it in.
exit /b 0

:bench
echo build.bat: bench needs bash and Linux: ./build.sh bench, for example in WSL 1>&2
exit /b 2

:usage
echo usage: build.bat VERB
echo.
echo   build             compile everything
echo   run [OPTION...]   start the proxy before your Ollama
echo   demo              start the proxy before a simulated Ollama, with traffic to look at
echo   test [--slow]     compile and run every test; --slow adds those that take minutes
echo   publish           make the executable: artifacts\publish\win-x64\ollama-proxy.exe
echo   bench             only with bash: ./build.sh bench
echo   help              this text
exit /b 0

:compile
call :dotnet || exit /b 1
dotnet build OllamaProxy.sln -c %CONFIGURATION% -v quiet -clp:NoSummary
exit /b %ERRORLEVEL%

:dotnet
dotnet --version >nul 2>nul && exit /b 0
echo build.bat: please install the .NET 10 SDK: https://dotnet.microsoft.com/download/dotnet/10.0 1>&2
exit /b 1

rem Folder and name of a test project.
:runtests
echo == %~2
"%~1\bin\%CONFIGURATION%\net10.0\%~2.exe" -trx "%RESULTS%\%~2.trx" -noLogo -noColor
if not "%ERRORLEVEL%"=="0" set FAILED=1
exit /b 0
