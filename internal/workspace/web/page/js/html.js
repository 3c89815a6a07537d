// The one place that knows which view library the page uses. Everything that
// `html` renders goes through text nodes and properties: foreign text can
// never become markup.
import {h, render, Component, Fragment} from 'preact';
import {useEffect, useLayoutEffect, useMemo, useRef, useState, useCallback} from 'preact/hooks';
import htm from 'htm';

const html = htm.bind(h);

export {html, render, Component, Fragment, useEffect, useLayoutEffect, useMemo, useRef, useState, useCallback};
