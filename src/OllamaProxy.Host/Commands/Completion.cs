namespace OllamaProxy.Host.Commands;

/// <summary>
/// <c>ollama-proxy completion SHELL</c>: prints a script through which the shell requests completions with the <c>[suggest]</c> directive.
/// </summary>
internal static class Completion
{
    public static readonly string[] Shells = ["bash", "zsh", "fish", "powershell"];

    public static string ScriptOf(string shell) => shell switch
    {
        "bash" =>
            """
            # In ~/.bashrc: source <(ollama-proxy completion bash)
            _ollama_proxy() {
                local words="${COMP_LINE#* }" skipped
                skipped=$((${#COMP_LINE} - ${#words}))
                local IFS=$'\n'
                COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:$((COMP_POINT - skipped))]" "$words" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _ollama_proxy ollama-proxy
            """,
        "zsh" =>
            """
            # In ~/.zshrc, after compinit: source <(ollama-proxy completion zsh)
            _ollama_proxy() {
                local line="${(j: :)words[2,-1]}"
                local -a found
                found=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
                compadd -- $found
            }
            compdef _ollama_proxy ollama-proxy
            """,
        "fish" =>
            """
            # In ~/.config/fish/completions/ollama-proxy.fish
            function __ollama_proxy
                set -l line (commandline -cp | string replace -r '^\S+\s*' '')
                ollama-proxy "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
            end
            complete -c ollama-proxy -f -a '(__ollama_proxy)'
            """,
        _ =>
            """
            # In $PROFILE: ollama-proxy completion powershell | Out-String | Invoke-Expression
            Register-ArgumentCompleter -Native -CommandName ollama-proxy -ScriptBlock {
                param($wordToComplete, $commandAst, $cursorPosition)
                $line = $commandAst.ToString()
                $rest = if ($line.IndexOf(' ') -ge 0) { $line.Substring($line.IndexOf(' ') + 1) } else { '' }
                $at = [Math]::Max(0, $cursorPosition - ($line.Length - $rest.Length))
                ollama-proxy "[suggest:$at]" $rest 2>$null | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
                }
            }
            """,
    };
}
