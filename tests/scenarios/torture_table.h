// The summary of a long run: for every line of the promise how often it was kept, broken or not measured by each
// observer, with the median and the largest of its figures. Values only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "call/record.h"

namespace segue::scenario {

class Table {
 public:
  enum class Observer { Server, FarParty };
  void add(Observer observer, const call::ReportLine& line);
  [[nodiscard]] std::string print() const;

 private:
  struct Row {
    std::string title;
    std::size_t kept = 0, broken = 0, unmeasured = 0;
    std::vector<double> figures;
  };
  std::map<Observer, std::vector<std::pair<std::string, Row>>> rows_;
};

/// Lines of a server's report as REST shows it.
[[nodiscard]] std::vector<call::ReportLine> lines_of(const std::string& report_json);

}  // namespace segue::scenario
