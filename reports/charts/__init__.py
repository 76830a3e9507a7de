"""Charts: from figures to a drawing, the table beside it and its files."""

from reports.charts.bar_chart import BarChart, Histogram
from reports.charts.time_chart import TimeChart

Chart = TimeChart | BarChart | Histogram
