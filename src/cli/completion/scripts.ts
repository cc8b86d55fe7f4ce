import { quoted } from './table.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script that a shell reads once; it asks the table for each word. */
export function scriptFor(shell: Shell, table: string): string {
  switch (shell) {
    case 'bash':
      return bash(table);
    case 'zsh':
      return zsh(table);
    case 'fish':
      return fish(table);
  }
}

function bash(table: string): string {
  return `# yardmaster for bash; after an update, make it anew:
#   yardmaster completion bash > ~/.local/share/bash-completion/completions/yardmaster
_yardmaster_table=${quoted(table)}
_yardmaster() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then
      compopt -o default 2>/dev/null
      return
    fi
    line=\${line%%$'\\t'*}
    if [[ $line == *[!A-Za-z0-9_./,:@%+=-]* ]]; then printf -v line '%q' "$line"; fi
    COMPREPLY+=("$line")
  done < <(command sh -c "$_yardmaster_table" sh "$COMP_CWORD" "\${COMP_WORDS[@]}" 2>/dev/null)
}
complete -F _yardmaster yardmaster
`;
}

function zsh(table: string): string {
  return `#compdef yardmaster
# yardmaster for zsh; after an update, make it anew:
#   yardmaster completion zsh > "\${fpath[1]}/_yardmaster"
typeset -g _yardmaster_table=${quoted(table)}
_yardmaster() {
  local line
  local -a values shown
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then
      _files
      return
    fi
    values+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  -- }")
  done < <(command sh -c "$_yardmaster_table" sh "$((CURRENT - 1))" "\${words[@]}" 2>/dev/null)
  compadd -l -d shown -a values
}
if [[ $funcstack[1] == _yardmaster ]]; then _yardmaster "$@"; else compdef _yardmaster yardmaster; fi
`;
}

function fish(table: string): string {
  return `# yardmaster for fish; after an update, make it anew:
#   yardmaster completion fish > ~/.config/fish/completions/yardmaster.fish
set -g __yardmaster_table '${table.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'
function __yardmaster_complete
    set -l before (commandline -opc)
    set -l current (string unescape -- (commandline -ct); or commandline -ct)
    for line in (command sh -c $__yardmaster_table sh (count $before) $before "$current" 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c yardmaster -f -a '(__yardmaster_complete)'
`;
}
