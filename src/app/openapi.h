// openapi.yaml as it was when the program was built, so that the server can hand out its own contract.
#pragma once

#include <string_view>

namespace segue::app {
[[nodiscard]] std::string_view openapi_text();
}
