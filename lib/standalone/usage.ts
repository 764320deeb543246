/**
 * What `--help` shows.
 *
 * @module
 */
import { DEFAULT_OPTIONS, isOption, kebabCase, OPTION_GROUPS, OPTIONS, type Options } from "./options.ts";

/** The help: a line for each option, with its default in parentheses. */
export function usage(): string {
  const groups = OPTION_GROUPS.map(([title, specs]) =>
    `\n${title}:\n${Object.keys(specs).filter(isOption).map(line).join("")}`
  );
  return `${HEAD}${groups.join("")}${FOOT}`;
}

function line(name: keyof Options): string {
  const { placeholder, help } = OPTIONS[name];
  const left = `--${kebabCase(name)}${placeholder === undefined ? "" : ` ${placeholder}`}`;
  const initial = DEFAULT_OPTIONS[name];
  const shown = String(initial ?? false);
  return `  ${left.padEnd(WIDTH)}  ${help}${shown === "" || shown === "false" ? "" : ` (${shown})`}\n`;
}

/** The width of the column of names; the longest has it. */
const WIDTH = "--max-connections-per-address N".length;

const HEAD = `Usage: deno task serve [OPTION]...
Serves WebSockets, and a console to try them with in a browser.
`;

const FOOT = `
A flag of the configuration file is turned off with --no-, as in --no-deflate. Files and folders count from the current
folder, and Deno must be allowed to read them: deno run --allow-net --allow-read=DIR lib/standalone/main.ts

Exit status: 0 when it was told to stop, 1 if it cannot listen, 2 for a mistake in the options.
`;
