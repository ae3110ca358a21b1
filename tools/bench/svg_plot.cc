#include "tools/bench/svg_plot.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

#include "tools/bench/plot_axis.h"

namespace latchkey::bench {
namespace {

// In pixels; the picture scales with its place.
constexpr double kLeft = 84;
constexpr double kTop = 52;
constexpr double kPlotWidth = 560;
constexpr double kPlotHeight = 330;
constexpr double kBottom = 62;
constexpr double kRight = 36;
constexpr double kLegendGap = 26;
constexpr double kLegendRow = 22;
constexpr double kMarkRadius = 3.6;
// Of a letter of the legend, about; fonts differ.
constexpr double kLetterWidth = 7.6;

// Okabe and Ito's colours, which colour-blind readers tell apart; beyond them
// the marks differ.
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                    "#e69f00", "#56b4e9", "#333333"};
constexpr size_t kColourCount = std::size(kColours);
constexpr size_t kMarkCount = 4;

constexpr char kStyle[] =
    "text{font-family:'DejaVu Sans',Verdana,Helvetica,Arial,sans-serif;"
    "font-size:12px;fill:#333}"
    ".title{font-size:15px;font-weight:bold;fill:#111}"
    ".grid{stroke:#e3e3e3;stroke-width:1}"
    ".frame{stroke:#888;stroke-width:1;fill:none}"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}";

// Escaped spells `text` for XML. Control characters, which XML has no way to
// say, become spaces.
std::string Escaped(absl::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped.push_back(static_cast<unsigned char>(letter) < ' ' ? ' '
                                                                   : letter);
    }
  }
  return escaped;
}

// Canvas writes the picture's elements.
class Canvas {
 public:
  Canvas(double width, double height) {
    absl::StrAppendFormat(
        &text_,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
        "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n<style>%s</style>\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        width, height, width, height, kStyle);
  }

  // `more` are attributes of the element.
  void Text(double x, double y, absl::string_view words,
            absl::string_view more) {
    absl::StrAppendFormat(&text_, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n",
                          x, y, more, Escaped(words));
  }

  void Grid(double x1, double y1, double x2, double y2) {
    absl::StrAppendFormat(&text_,
                          "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" "
                          "x2=\"%.1f\" y2=\"%.1f\"/>\n",
                          x1, y1, x2, y2);
  }

  void Frame(double x, double y, double width, double height) {
    absl::StrAppendFormat(&text_,
                          "<rect class=\"frame\" x=\"%.1f\" y=\"%.1f\" "
                          "width=\"%.1f\" height=\"%.1f\"/>\n",
                          x, y, width, height);
  }

  // A line through `points`, in pixels.
  void Line(const std::vector<Point>& points, size_t style) {
    const char* colour = kColours[style % kColourCount];
    std::string path;
    for (const Point& point : points) {
      absl::StrAppendFormat(&path, "%s%.1f,%.1f", path.empty() ? "" : " ",
                            point.x, point.y);
    }
    absl::StrAppendFormat(
        &text_, "<polyline class=\"line\" stroke=\"%s\" points=\"%s\"/>\n",
        colour, path);
  }

  void Mark(const Point& at, size_t style) {
    const char* colour = kColours[style % kColourCount];
    const double r = kMarkRadius;
    const size_t shape = style % kMarkCount;
    if (shape == 0) {
      absl::StrAppendFormat(
          &text_, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>\n",
          at.x, at.y, r, colour);
      return;
    }
    if (shape == 1) {
      absl::StrAppendFormat(&text_,
                            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                            "height=\"%.1f\" fill=\"%s\"/>\n",
                            at.x - r, at.y - r, 2 * r, 2 * r, colour);
      return;
    }
    // A triangle, or a diamond with a corner below as well.
    const double top = at.y - 1.3 * r;
    const double side = shape == 2 ? at.y + r : at.y;
    absl::StrAppendFormat(
        &text_,
        "<polygon points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f\" "
        "fill=\"%s\"/>\n",
        at.x, top, at.x + 1.3 * r, side, at.x,
        shape == 2 ? side : at.y + 1.3 * r, at.x - 1.3 * r, side, colour);
  }

  std::string Finish() && { return std::move(text_) + "</svg>\n"; }

 private:
  std::string text_;
};

std::vector<double> ValuesOf(const SvgPlot& plot, double Point::*member) {
  std::vector<double> values;
  for (const Series& series : plot.series) {
    for (const Point& point : series.points) values.push_back(point.*member);
  }
  return values;
}

void DrawAxes(const SvgPlot& plot, const PlotAxis& x, const PlotAxis& y,
              Canvas* canvas) {
  const double bottom = kTop + kPlotHeight;
  for (const Tick& tick : x.ticks()) {
    const double at = kLeft + tick.place * kPlotWidth;
    canvas->Grid(at, kTop, at, bottom);
    canvas->Text(at, bottom + 19, tick.label, "text-anchor=\"middle\"");
  }
  for (const Tick& tick : y.ticks()) {
    const double at = bottom - tick.place * kPlotHeight;
    canvas->Grid(kLeft, at, kLeft + kPlotWidth, at);
    canvas->Text(kLeft - 9, at + 4, tick.label, "text-anchor=\"end\"");
  }
  canvas->Frame(kLeft, kTop, kPlotWidth, kPlotHeight);
  canvas->Text(kLeft + kPlotWidth / 2, bottom + 45, plot.x.label,
               "text-anchor=\"middle\"");
  const double middle = kTop + kPlotHeight / 2;
  canvas->Text(18, middle, plot.y.label,
               absl::StrFormat("text-anchor=\"middle\" "
                               "transform=\"rotate(-90 18 %.1f)\"",
                               middle));
  canvas->Text(kLeft, 30, plot.title, "class=\"title\"");
}

void DrawSeries(const SvgPlot& plot, const PlotAxis& x, const PlotAxis& y,
                Canvas* canvas) {
  for (size_t i = 0; i < plot.series.size(); ++i) {
    std::vector<Point> places;
    for (const Point& point : plot.series[i].points) {
      if (!x.Shows(point.x) || !y.Shows(point.y)) continue;
      places.push_back({.x = kLeft + x.Place(point.x) * kPlotWidth,
                        .y = kTop + (1 - y.Place(point.y)) * kPlotHeight});
    }
    canvas->Line(places, i);
    for (const Point& place : places) canvas->Mark(place, i);
  }
}

void DrawLegend(const SvgPlot& plot, Canvas* canvas) {
  const double left = kLeft + kPlotWidth + kLegendGap;
  for (size_t i = 0; i < plot.series.size(); ++i) {
    const double at = kTop + 12 + static_cast<double>(i) * kLegendRow;
    canvas->Line({{.x = left, .y = at}, {.x = left + 28, .y = at}}, i);
    canvas->Mark({.x = left + 14, .y = at}, i);
    canvas->Text(left + 36, at + 4, plot.series[i].name, "");
  }
}

}  // namespace

std::string SvgText(const SvgPlot& plot) {
  const PlotAxis x(plot.x, ValuesOf(plot, &Point::x));
  const PlotAxis y(plot.y, ValuesOf(plot, &Point::y));
  size_t longest = 0;
  for (const Series& series : plot.series) {
    longest = std::max(longest, series.name.size());
  }
  const double legend_width =
      plot.series.empty()
          ? 0
          : kLegendGap + 36 + kLetterWidth * static_cast<double>(longest);
  const double legend_height =
      24 + kLegendRow * static_cast<double>(plot.series.size());
  Canvas canvas(kLeft + kPlotWidth + std::max(kRight, legend_width + 12),
                kTop + std::max(kPlotHeight + kBottom, legend_height));
  DrawAxes(plot, x, y, &canvas);
  DrawSeries(plot, x, y, &canvas);
  DrawLegend(plot, &canvas);
  return std::move(canvas).Finish();
}

}  // namespace latchkey::bench
