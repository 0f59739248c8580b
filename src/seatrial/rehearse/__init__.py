"""A cluster under virtual time: what will this update do?"""
