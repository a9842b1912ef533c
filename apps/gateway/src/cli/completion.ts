import type { Command } from "commander";
import { CommandError, exitCodes } from "./context.ts";

/** Every command line as words, with the words that may follow it. */
function choices(command: Command, path: readonly string[] = []): { path: string; words: string[] }[] {
  const words = [
    ...command.commands.map((child) => child.name()),
    ...command.options.flatMap((option) => option.long ?? []),
  ];
  return [
    { path: path.join(" "), words },
    ...command.commands.flatMap((child) => choices(child, [...path, child.name()])),
  ];
}

/** A completion script made from the commands themselves. Throws for a shell it does not know. */
export function completionScript(shell: string, program: Command): string {
  const table = choices(program);
  if (shell === "fish") {
    const lines = table.flatMap(({ path, words }) =>
      words.map((word) => {
        const condition =
          path === "" ? "__fish_use_subcommand" : `__fish_seen_subcommand_from ${path.split(" ").at(-1)}`;
        return word.startsWith("--")
          ? `complete -c trunkline -n '${condition}' -l ${word.slice(2)}`
          : `complete -c trunkline -f -n '${condition}' -a ${word}`;
      }),
    );
    return lines.join("\n");
  }
  if (shell !== "bash" && shell !== "zsh")
    throw new CommandError(`Completions exist for bash, zsh and fish, not for '${shell}'.`, exitCodes.usage);
  const cases = table.map(({ path, words }) => `    "${path}") words="${words.join(" ")}" ;;`).join("\n");
  const prelude = shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  return `${prelude}_trunkline() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _trunkline trunkline`;
}
