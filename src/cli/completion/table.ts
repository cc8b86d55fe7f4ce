import type { Node, Source } from './tree.ts';

/*
 * What all three shells ask: a POSIX shell program, made from the tree. It prints the candidates for one word, each with
 * a tab and a few words about it; `:files` stands for the names of files. Being run by `sh`, it knows nothing of the
 * options, aliases and variables of the shell somebody types into.
 */

/** `sh -c TABLE sh <index of the word> <the words, the program first>` */
export function tableOf(nodes: readonly Node[]): string {
  const lines = (all: readonly { name: string; about: string }[]): string =>
    `printf '%s\\n' ${all.map(({ name, about }) => quoted(`${name}\t${about}`)).join(' ')}`;
  const commands = nodes.filter((node) => node.commands.length > 0);
  const flags = (node: Node) =>
    node.options.flatMap(({ flags, about }) => flags.map((flag) => ({ name: flag, about })));
  const taking = nodes.flatMap(({ path, options }) =>
    options.filter(({ takes }) => takes).flatMap(({ flags }) => flags.map((flag) => `${path} ${flag}`)),
  );
  const sources = nodes.flatMap(({ path, choices }) =>
    choices.map(({ place, source }) => [`${path} ${place}`, `printf '%s\\n' ${quoted(sourceText(source))}`] as const),
  );
  return [
    choose(
      'commands',
      '$1',
      commands.map((node) => [node.path, lines(node.commands)] as const),
    ),
    choose(
      'options',
      '$1',
      nodes.map((node) => [node.path, lines(flags(node))] as const),
    ),
    choose('place', '$1 $2', sources),
    choose('known', '$1', [[nodes.filter(({ path }) => path !== '').map(({ path }) => path), 'return 0']], 'return 1'),
    choose('takes', '$1 $2', [[taking, 'return 0']], 'return 1'),
    WALK,
  ].join('\n');
}

function sourceText(source: Source): string {
  switch (source.kind) {
    case 'words':
      return `words ${source.words.join(' ')}`;
    case 'ask':
      return `ask ${source.what}`;
    case 'files':
      return 'files';
  }
}

type Case = readonly [pattern: string | readonly string[], act: string];

function choose(name: string, on: string, cases: readonly Case[], otherwise = ''): string {
  const arms = cases.map(([pattern, act]) => `${[pattern].flat().map(quoted).join('|')}) ${act};;`);
  return `${name}() { case "${on}" in\n${arms.join('\n')}\nesac; ${otherwise || ':'}; }`;
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Finds out what the word is: a command, an option, the value of one, or what a command works on. */
const WALK = `
at=$1; program=$2; shift 2
path=; option=; count=0; cur=; i=1
for word in "$@"; do
  if [ "$i" -ge "$at" ]; then cur=$word; break; fi
  i=$((i + 1))
  if [ "$word" = = ]; then continue; fi
  if [ -n "$option" ]; then option=; continue; fi
  case $word in
    --*=*) ;;
    -*) if takes "$path" "$word"; then option=$word; fi ;;
    *) if [ "$count" = 0 ] && known "\${path:+$path }$word"; then path="\${path:+$path }$word"; else count=$((count + 1)); fi ;;
  esac
done
head=
if [ "$cur" = = ]; then cur=; fi
case $cur in --*=*) option=\${cur%%=*}; head=$option=; cur=\${cur#*=} ;; esac
matching() {
  while IFS= read -r line; do
    case $line in "$cur"*) printf '%s%s\\n' "$head" "$line" ;; esac
  done
}
offer() {
  kind=\${1%% *}; what=\${1#* }
  case $kind in
    words)
      case $cur in *,*) head=$head\${cur%,*},; cur=\${cur##*,} ;; esac
      printf '%s\\n' $what | matching ;;
    ask) "$program" __complete "$what" "$cur" 2>/dev/null | matching ;;
    files) printf ':files\\n' ;;
  esac
}
if [ -n "$option" ]; then
  offer "$(place "$path" "$option")"
  exit
fi
case $cur in -*) options "$path" | matching; exit ;; esac
if [ "$count" = 0 ]; then commands "$path" | matching; fi
found=$(place "$path" "@$((count + 1))")
offer "\${found:-$(place "$path" '@*')}"
`;
