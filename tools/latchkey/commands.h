#ifndef LATCHKEY_TOOLS_LATCHKEY_COMMANDS_H_
#define LATCHKEY_TOOLS_LATCHKEY_COMMANDS_H_

#include "CLI/App.hpp"

#include "tools/latchkey/invocation.h"

namespace latchkey {

// Each adds a family of commands to `app`. Parsing a command sets the
// invocation's action; nothing is done before that is called. Both arguments
// must outlive the action.
void AddAccountCommands(CLI::App* app, Invocation* invocation);
// Below `account`.
void AddServiceCommands(CLI::App* account, Invocation* invocation);
void AddCredentialCommands(CLI::App* app, Invocation* invocation);
void AddSessionCommands(CLI::App* app, Invocation* invocation);
void AddKeyCommands(CLI::App* app, Invocation* invocation);
void AddJwtCommands(CLI::App* app, Invocation* invocation);
void AddInfoCommand(CLI::App* app, Invocation* invocation);

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_COMMANDS_H_
