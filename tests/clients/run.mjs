// node run.mjs CLIENT ACTION URL [ARGUMENT...]
//
// Runs one action of an official, unmodified client against a server, and prints the result as JSON on the last line:
// {"result": ...} or {"error": {...}}. Each client is a module in this folder that exports its actions by name.
const [client, action, url, ...rest] = process.argv.slice(2);
const actions = await import(`./${client}.mjs`);

async function run() {
  try {
    return { result: await actions[action](url, ...rest) };
  } catch (error) {
    // The clients of OpenAI and Anthropic name their errors only by class.
    const name = error.name === "Error" ? error.constructor.name : error.name;
    return { error: { name, message: error.message, status: error.status_code ?? error.status ?? null } };
  }
}

const outcome = await run();
// Exit even if the client keeps a connection in its pool.
process.stdout.write(`\n${JSON.stringify(outcome)}\n`, () => process.exit(0));
