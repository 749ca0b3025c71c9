"""Row kernels in Numba: functions of rows or elements, of numbers only.

Options have become numbers before (`fastce._losses.weights`).
"""
