// The one executable: each subcommand is a function; exit codes are the same for all (README): 0 done, 1 a verdict is
// red, 2 could not run.
#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/demo.h"

int main(int argc, char** argv) {
  using namespace segue::app;
  CLI::App app{
      "Segue, a call server: move a live call between your devices, and the other party hears nothing change."};
  app.set_version_flag("--version", std::string("segue ") + SEGUE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Start here:\n"
      "  segue demo                 a real call is flipped before your eyes; report and picture in ./demo-out\n"
      "  segue demo --stay          afterwards the server stays up for your own phones, and prints what to type into "
      "them\n"
      "  segue serve                the server, with its data in ./segue-data\n"
      "Exit codes: 0 done, 1 the verdict is red, 2 it could not run.");

  ServeOptions serve;
  auto* serve_command = app.add_subcommand("serve", "Run the server until Ctrl-C.");
  serve_command->add_option("-c,--config", serve.config_file, "TOML file; every key is in docs/configuration.md")
      ->type_name("FILE");
  serve_command->add_option("-d,--data", serve.data_dir, "folder for database and token (overrides the file)")
      ->type_name("DIR");
  serve_command->footer(
      "It listens for SIP on port 5060 (UDP and TCP) and for REST on 127.0.0.1:8080; the token for REST is in\n"
      "DIR/admin.token. SIGTERM, Ctrl-C: calls end with BYE and a Reason, records are written, exit code 0.");

  std::string check_file;
  auto* check_command =
      app.add_subcommand("check", "Read a configuration file and say what is wrong with it, line by line.");
  check_command->add_option("FILE", check_file, "the TOML file")->type_name("")->required();
  check_command->footer("Every key is in docs/configuration.md. Exit codes: 0 the file is good, 2 it is not.");

  ClientOptions client;
  std::string flip_id;
  auto* report_command = app.add_subcommand("report", "Print the flip report of a flip, line by line.");
  auto* calls_command = app.add_subcommand("calls", "List the live calls and who sits where.");
  for (auto* command : {report_command, calls_command}) {
    command->add_option("--server", client.server, "the REST address")->capture_default_str()->type_name("HOST:PORT");
    command->add_option("--token", client.token, "a token; default: $SEGUE_TOKEN, or segue-data/admin.token")
        ->envname("SEGUE_TOKEN");
  }
  report_command->add_option("FLIP", flip_id, "its id, such as flip_12; GET /v1/records has those of each call")
      ->type_name("")
      ->required();
  report_command->footer("Exit codes: 0 the promise was kept, 1 it was not, 2 there is no report.");
  calls_command->footer("Exit codes: 0 done, 2 the server could not be asked.");

  DemoOptions demo;
  auto* demo_command = app.add_subcommand(
      "demo", "Show it: a server, four real SIP phones, speech, flips by every trigger, and the proof.");
  add_demo_options(*demo_command, demo);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? 0 : 2;
  }
  if (*serve_command) return run_serve(serve);
  if (*check_command) return run_check(check_file);
  if (*report_command) return run_report(client, flip_id);
  if (*calls_command) return run_calls(client);
  return run_demo(demo);
}
