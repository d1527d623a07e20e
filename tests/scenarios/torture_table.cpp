#include "torture_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace segue::scenario {

void Table::add(Observer observer, const call::ReportLine& line) {
  auto& rows = rows_[observer];
  auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.first == line.key; });
  if (found == rows.end()) found = rows.insert(rows.end(), {line.key, Row{line.title, 0, 0, 0, {}}});
  Row& row = found->second;
  if (!line.kept)
    ++row.unmeasured;
  else
    ++(*line.kept ? row.kept : row.broken);
  if (line.number) row.figures.push_back(*line.number);
}

std::string Table::print() const {
  std::string out;
  for (const auto& [observer, rows] : rows_) {
    out += fmt::format("\n{:<48}{:>7}{:>8}{:>11}{:>10}{:>10}\n",
                       observer == Observer::Server ? "The server's report" : "The far party's own check", "kept",
                       "broken", "not judged", "median", "max");
    for (const auto& [key, row] : rows) {
      auto figures = row.figures;
      std::sort(figures.begin(), figures.end());
      const auto shown = [&](std::size_t at) {
        return figures.empty() ? std::string("-") : fmt::format("{:.2f}", figures[at]);
      };
      out += fmt::format("{:<48}{:>7}{:>8}{:>11}{:>10}{:>10}\n", row.title, row.kept, row.broken, row.unmeasured,
                         shown(figures.size() / 2), shown(figures.empty() ? 0 : figures.size() - 1));
    }
  }
  return out;
}

std::vector<call::ReportLine> lines_of(const std::string& report_json) {
  std::vector<call::ReportLine> out;
  const auto report = nlohmann::json::parse(report_json, nullptr, false);
  if (!report.is_object()) return out;
  for (const auto& line : report.at("lines")) {
    call::ReportLine read;
    read.key = line.at("key");
    read.title = line.at("title");
    read.value = line.at("value").is_string() ? line.at("value").get<std::string>() : "";
    read.limit = line.at("limit");
    read.note = line.at("note");
    if (line.at("number").is_number()) read.number = line.at("number").get<double>();
    if (line.at("kept").is_boolean()) read.kept = line.at("kept").get<bool>();
    out.push_back(std::move(read));
  }
  return out;
}

}  // namespace segue::scenario
