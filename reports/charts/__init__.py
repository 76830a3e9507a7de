"""Charts: figures as a drawing, a table and files."""

from reports.charts.bar_chart import BarChart, Histogram
from reports.charts.time_chart import TimeChart

Chart = TimeChart | BarChart | Histogram
